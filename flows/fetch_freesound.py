"""Fetching sounds from Freesound: the search page by page, then the previews, within the quota of its key."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import requests
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.bringing import bring
from flows.engine import open_client
from flows.interrupts import stop_requested
from flows.keeping import FetchSummary, Keeping, keeping
from flows.progress import progress, say
from flows.secrets import freesound_key
from storage.errors import UserError
from storage.files import remove_leftovers
from storage.ledger import Ledger
from storage.licences import LicenceClass
from storage.listings import Listing
from storage.loops import Loop
from storage.quota import DayQuotaError, Quota
from storage.workspace import Workspace
from tasks.requesting import Patience, RequestError
from tasks.sources.freesound import Freesound, describe, fetch_preview, list_sounds, place, preview_of, sounds_on

_PATIENCE: Final = Patience(sleep=stop_requested.wait)
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
) -> FetchSummary:
    """Bring the sounds of a search into the table; goes on where the last run of the same search stopped."""
    with Workspace(Path(workspace)).lock("fetch freesound") as store, Ledger.of(store) as ledger:
        listing = Listing.of(store.sources / "freesound" / "listings", freesound, query, filters)
        whole = read_listing(freesound, query, filters, listing, limit, store)
        with keeping(store, ledger, "fetch", licences) as brought:
            bring_previews(list(sounds_on(listing.pages()))[:limit], workers, brought)
        if whole and not stop_requested.is_set():
            # The next run of this search asks again, and finds what is new.
            listing.clear()
        return brought.summary


@task(cache_policy=NO_CACHE)
def read_listing(
    freesound: str, query: str, filters: str, listing: Listing, limit: int | None, workspace: Workspace
) -> bool:
    """Read the pages that are not there yet; false if the day's requests ran out before the last one."""
    quota = Quota(workspace.sources / "freesound" / "quota", _PER_MINUTE, _PER_DAY)
    client = Freesound(freesound, freesound_key(), requests.Session(), lambda: quota.take(_wait), _PATIENCE, time.time)
    try:
        list_sounds(client, listing, query, filters, limit)
    except DayQuotaError as error:
        say(f"{error}; the same command goes on then")
        return False
    except RequestError as error:
        raise UserError(f"{error}; what was read is kept, the same command goes on from there") from None
    return True


@task(cache_policy=NO_CACHE)
def bring_previews(sounds: list[dict[str, Any]], workers: int, brought: Keeping) -> None:
    """Bring the preview of every sound that is not on this machine yet, check it, and commit it."""
    folder = brought.workspace.sources / "freesound" / "audio"
    described = [describe(sound, folder) for sound in sounds]
    brought.commit([], [entry for entry in described if not isinstance(entry, Loop)])
    loops = [entry for entry in described if isinstance(entry, Loop)]
    allowed = [loop for loop in loops if loop.licence_class in brought.licences]
    brought.passed_over += len(loops) - len(allowed)
    addresses = {str(folder / f"{sound['id']}.ogg"): preview_of(sound) for sound in sounds}
    session = requests.Session()

    def fetch(loop: Loop) -> None:
        address = addresses[loop.path]
        if address is not None and not Path(loop.path).exists():
            fetch_preview(address, Path(loop.path), session, _PATIENCE)

    remove_leftovers(folder)
    new = brought.without_known(allowed)
    if new:
        with open_client(None, workers) as client, progress("brought", len(new)) as shown:
            bring(new, _place, fetch, client, brought, shown)


def _place(loop: Loop) -> str:
    return place(int(Path(loop.path).stem))


def _wait(seconds: float) -> None:
    """Sleep for the quota; raises UserError at once if the run is to end."""
    if stop_requested.wait(seconds):
        raise UserError("stopped; the same command goes on from there")
