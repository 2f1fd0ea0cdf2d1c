"""Fetching sounds from Freesound: the search page by page, then the files, within the quota of its key."""

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import requests
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import open_client
from flows.engine.interrupts import StoppedError, stop_requested, wait_unless_stopped
from flows.fetching.commits import FetchCommits, FetchSummary, committing_fetch
from flows.fetching.downloads import download_and_commit
from flows.orchestration.credentials import freesound_client, freesound_key, freesound_tokens
from flows.terminal.progress import progress
from flows.terminal.streams import say
from storage.accounts.home import counters_folder
from storage.accounts.quota import DayQuotaError, Quota
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.files import remove_leftovers
from storage.loops.licences import LicenceClass
from storage.loops.search_pages import SearchPages
from storage.loops.table import Loop, read_loops
from storage.vocabulary import Reason, Refusal
from storage.workspace import Workspace
from tasks.http.client import RequestError, RetryPolicy
from tasks.sources.freesound import (
    Freesound,
    describe_original,
    describe_preview,
    fetch_preview,
    list_sounds,
    place,
    preview_of,
    sounds_on,
)
from tasks.sources.freesound_login import Application, Login, LoginError
from tasks.sources.freesound_originals import Originals

_RETRIES: Final = RetryPolicy(sleep=wait_unless_stopped)
# The server counts arrivals, which may stand closer together than what was sent: a little below its 60 and 2,000.
_PER_MINUTE, _PER_DAY = 55, 1990


@flow(name="fetch-freesound")
def fetch_freesound(
    freesound: str,
    query: str,
    filters: str,
    workspace: str,
    limit: int | None = None,
    workers: int = 2,
    licences: Sequence[str] = tuple(LicenceClass),
    originals: bool = False,
    dask: str | None = None,
) -> FetchSummary:
    """Fetch the sounds of a search into the table; goes on where the last run of the same search stopped."""
    fetch_files = fetch_originals if originals else fetch_previews
    with Workspace(Path(workspace)).lock("fetch freesound") as store, Ledger.of(store) as ledger:
        listing = SearchPages.of(store.sources / "freesound" / "listings", freesound, query, filters)
        whole = read_listing(freesound, query, filters, listing, limit)
        with committing_fetch(store, ledger, "fetch", licences) as commits:
            sounds = list(sounds_on(listing.pages()))[:limit]
            put_off = fetch_files(freesound, sounds, workers, dask, commits)
        if whole and not put_off and not stop_requested.is_set():
            # The next run of this search asks again, and finds what is new.
            listing.clear()
        return commits.summary


@task(cache_policy=NO_CACHE)
def read_listing(freesound: str, query: str, filters: str, listing: SearchPages, limit: int | None) -> bool:
    """Read the pages that are not there yet; false if the day's requests ran out before the last one."""
    key = freesound_key()
    client = Freesound(freesound, key, requests.Session(), _granting(key), _RETRIES, time.time)
    try:
        list_sounds(client, listing, query, filters, limit)
    except DayQuotaError as error:
        say(f"{error}; the same command goes on then")
        return False
    except StoppedError:
        return False
    except RequestError as error:
        raise UserError(f"{error}; what was read is stored, the same command goes on from there") from None
    return True


@task(cache_policy=NO_CACHE)
def fetch_previews(
    freesound: str, sounds: list[dict[str, Any]], workers: int, dask: str | None, commits: FetchCommits
) -> bool:
    """Fetch the preview of every sound that the table does not have; true if some were put off to another day."""
    folder = commits.workspace.sources / "freesound" / "audio"
    allowed = _allowed((describe_preview(sound, folder) for sound in sounds), commits)
    addresses = {str(folder / f"{sound['id']}.ogg"): preview_of(sound) for sound in sounds}
    session = requests.Session()

    def fetch(loop: Loop) -> None:
        address = addresses[loop.path]
        if address is not None and not Path(loop.path).exists():
            fetch_preview(address, Path(loop.path), session, _RETRIES)

    # A sound whose original is there needs no preview.
    new = commits.not_in_table(allowed, lambda loop: loop.url)
    put_off = _download(folder, new, fetch, workers, dask, commits)
    for loop in new:
        # No digest says whether a preview came whole, so one that looks cut is asked for again by the next run.
        if (commits.refused | commits.known_bad).get(_place(loop)) in (
            Reason.EMPTY,
            Reason.TRUNCATED,
            Reason.UNREADABLE,
        ):
            Path(loop.path).unlink(missing_ok=True)
    return put_off


@task(cache_policy=NO_CACHE)
def fetch_originals(
    freesound: str, sounds: list[dict[str, Any]], workers: int, dask: str | None, commits: FetchCommits
) -> bool:
    """Fetch the original of every sound that the table lacks; true if some were put off to another day.

    An original takes the place of the preview that an earlier run fetched.
    """
    folder = commits.workspace.sources / "freesound" / "originals"
    allowed = _allowed((describe_original(sound, folder) for sound in sounds), commits)
    found = {str(folder / f"{sound['id']}.{sound.get('type')}"): sound for sound in sounds}
    key, session = freesound_key(), requests.Session()
    application = Application(freesound, *freesound_client(), session, _RETRIES, time.time)
    login = Login(application, freesound_tokens())
    client = Originals(freesound, login, session, _granting(key), _RETRIES, time.time)

    def fetch(loop: Loop) -> None:
        if not Path(loop.path).exists():
            client.fetch(found[loop.path], Path(loop.path))

    try:
        new = commits.not_in_table(allowed)
        if new:
            login.token()
        put_off = _download(folder, new, fetch, workers, dask, commits)
    except LoginError as error:
        raise UserError(str(error)) from None
    _remove_previews(commits.workspace)
    return put_off


def _allowed(described: Iterable[Loop | Refusal], commits: FetchCommits) -> list[Loop]:
    """The loops of wanted licences; what is refused is committed, what is passed over is counted."""
    entries = list(described)
    commits.commit([], [entry for entry in entries if not isinstance(entry, Loop)])
    loops = [entry for entry in entries if isinstance(entry, Loop)]
    allowed = [loop for loop in loops if loop.licence_class in commits.licences]
    commits.passed_over += len(loops) - len(allowed)
    return allowed


def _download(
    folder: Path,
    new: Sequence[Loop],
    fetch: Callable[[Loop], None],
    workers: int,
    dask: str | None,
    commits: FetchCommits,
) -> bool:
    remove_leftovers(folder)
    if not new:
        return False
    with open_client(dask, workers) as client, progress("fetched", len(new)) as shown:
        return download_and_commit(new, _place, fetch, client, commits, shown)


def _remove_previews(workspace: Workspace) -> None:
    """Remove the previews of sounds whose original is in the table: nothing is kept longer than it is needed."""
    folder = workspace.sources / "freesound"
    for loop in read_loops(workspace.loops):
        if Path(loop.path).parent == folder / "originals":
            (folder / "audio" / f"{Path(loop.path).stem}.ogg").unlink(missing_ok=True)


def _place(loop: Loop) -> str:
    return place(int(Path(loop.path).stem))


def _granting(key: str) -> Callable[[], None]:
    """What waits for the quota of a key, which all workspaces and processes of this person share."""
    name = f"freesound-{hashlib.sha256(key.encode()).hexdigest()[:12]}"
    quota = Quota(counters_folder() / name, _PER_MINUTE, _PER_DAY)
    return lambda: quota.take(wait_unless_stopped)
