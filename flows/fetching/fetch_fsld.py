"""Fetching the Freesound Loop Dataset: the annotations whole, then only the loops that are wanted."""

from collections.abc import Sequence
from dataclasses import asdict
from json import dumps
from pathlib import Path

import requests
from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import open_client
from flows.engine.interrupts import StoppedError, stop_requested, wait_unless_stopped
from flows.fetching.commits import FetchCommits, FetchSummary, committing_fetch
from flows.fetching.downloads import CONNECTIONS, download_and_commit
from flows.terminal.progress import progress
from flows.terminal.streams import say
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.files import remove_leftovers, write_bytes_atomically
from storage.loops.annotations import write_annotations
from storage.loops.licences import LicenceClass
from storage.loops.table import Loop
from storage.vocabulary import Refusal
from storage.workspace import Workspace
from tasks.http.client import RequestError, RetryPolicy
from tasks.http.pacing import paced_session
from tasks.http.remote_zip import RangesIgnoredError, RemoteZip, ZipError, file_ranges, http_ranges
from tasks.http.resumable_download import RemoteFile, download
from tasks.sources.fsld import (
    ANNOTATIONS,
    AUDIO,
    RECORD,
    AnnotatedSound,
    ChosenSound,
    choose,
    place,
    read_annotated_sounds,
    read_metadata,
)
from tasks.sources.zenodo import read_record

_RETRIES = RetryPolicy(sleep=wait_unless_stopped)


@flow(name="fetch-fsld")
def fetch_fsld(
    zenodo: str,
    workspace: str,
    annotations_only: bool = False,
    roles: Sequence[str] = (),
    limit: int | None = None,
    workers: int = 2,
    licences: Sequence[str] = tuple(LicenceClass),
    whole: bool = False,
    dask: str | None = None,
) -> FetchSummary:
    """Fetch the annotated loops of some roles into the table; what is there already is not asked for again.

    The archive of the audio is downloaded `whole`, or read remotely, member by member.
    """
    find_archive = download_archive if whole else open_archive
    with Workspace(Path(workspace)).lock("fetch fsld") as store, Ledger.of(store) as ledger:
        files = list_files(zenodo)
        annotated, refused = fetch_annotations(files, store)
        with committing_fetch(store, ledger, "fetch", licences) as commits:
            commits.commit([], refused)
            commits.left_out = sum(one.left_out is not None for one in annotated)
            if not annotations_only:
                archive = find_archive(files, store)
                wanted = choose_sounds(annotated, archive, store, roles, limit, commits)
                fetch_sounds(wanted, archive, workers, dask, commits)
        return commits.summary


@task(cache_policy=NO_CACHE)
def list_files(zenodo: str) -> dict[str, RemoteFile]:
    """The record's files; raises UserError if the server does not name the two that are needed."""
    try:
        files = read_record(zenodo, RECORD, _session(), _RETRIES)
    except RequestError as error:
        raise UserError(f"{error}; check the address and the network, then run the same command again") from None
    for name in (ANNOTATIONS, AUDIO):
        if name not in files:
            raise UserError(f"{zenodo}: record {RECORD} has no file {name}; it has {', '.join(files) or 'none'}")
    return files


@task(cache_policy=NO_CACHE)
def fetch_annotations(files: dict[str, RemoteFile], workspace: Workspace) -> tuple[list[AnnotatedSound], list[Refusal]]:
    """Download the annotations, and write the consensus of the annotators as a table."""
    folder = workspace.sources / "fsld"
    try:
        archive = download(files[ANNOTATIONS], folder / ANNOTATIONS, _session(), _RETRIES)
        annotated, refused = read_annotated_sounds(archive)
    except (RequestError, ZipError) as error:
        raise UserError(f"{error}; run the same command again to go on") from None
    write_annotations(folder / "annotations.parquet", [_row(one) for one in annotated])
    return annotated, refused


@task(cache_policy=NO_CACHE)
def open_archive(files: dict[str, RemoteFile], workspace: Workspace) -> RemoteZip:
    """The archive of the audio, read over ranges; downloaded whole where the server sends no ranges."""
    file = files[AUDIO]
    try:
        if not _whole(workspace).exists():
            return RemoteZip(http_ranges(file, _session(), _RETRIES), file.size)
    except RangesIgnoredError as error:
        say(f"{error}; {file.name} is downloaded whole")
    except (RequestError, ZipError) as error:
        raise UserError(f"{error}; run the same command again to go on") from None
    return _download_whole(file, _whole(workspace))


@task(cache_policy=NO_CACHE)
def download_archive(files: dict[str, RemoteFile], workspace: Workspace) -> RemoteZip:
    """The archive of the audio, downloaded whole: resumed where the last attempt stopped, and checked."""
    return _download_whole(files[AUDIO], _whole(workspace))


def _download_whole(file: RemoteFile, target: Path) -> RemoteZip:
    try:
        with progress(f"bytes of {file.name}", file.size) as shown:

            def arrived(size: int) -> None:
                shown.advance(size)
                if stop_requested.is_set():
                    raise StoppedError("stopped; the next fetch goes on from here")

            download(file, target, _session(), _RETRIES, arrived)
        return RemoteZip(file_ranges(target), target.stat().st_size)
    except (RequestError, ZipError) as error:
        raise UserError(f"{error}; run the same command again to go on") from None


def _whole(workspace: Workspace) -> Path:
    return workspace.sources / "fsld" / AUDIO


@task(cache_policy=NO_CACHE)
def choose_sounds(
    annotated: list[AnnotatedSound],
    archive: RemoteZip,
    workspace: Workspace,
    roles: Sequence[str],
    limit: int | None,
    commits: FetchCommits,
) -> list[ChosenSound]:
    """Join annotations, metadata and audio; what cannot be joined is refused."""
    folder = workspace.sources / "fsld"
    kept = folder / "metadata.json"
    try:
        if not kept.exists():
            write_bytes_atomically(kept, archive.read(kept.name) if kept.name in archive.names else b"{}")
        metadata = read_metadata(kept.read_bytes())
    except (RequestError, ZipError) as error:
        raise UserError(f"{error}; run the same command again to go on") from None
    wanted, refused, passed_over = choose(
        annotated, archive, metadata, folder / "audio", roles, commits.licences, limit
    )
    commits.commit([], refused)
    commits.passed_over += passed_over
    return wanted


@task(cache_policy=NO_CACHE)
def fetch_sounds(
    wanted: list[ChosenSound], archive: RemoteZip, workers: int, dask: str | None, commits: FetchCommits
) -> None:
    """Fetch every wanted member that is not on this machine yet, check it, and commit it."""
    members = {one.loop.path: one.member for one in wanted}

    def fetch_member(loop: Loop) -> None:
        path = Path(loop.path)
        if not path.exists():
            write_bytes_atomically(path, archive.read(members[loop.path]))

    remove_leftovers(commits.workspace.sources / "fsld" / "audio")
    new = commits.not_in_table([one.loop for one in wanted])
    if new:
        with open_client(dask, workers) as client, progress("fetched", len(new)) as shown:
            download_and_commit(new, _place, fetch_member, client, commits, shown)


def _place(loop: Loop) -> str:
    return place(int(Path(loop.path).stem))


def _row(annotated: AnnotatedSound) -> dict[str, object]:
    said = asdict(annotated.consensus) if annotated.consensus else {"roles": [], "unknown_roles": [], "flags": []}
    counted = {"annotators": len(annotated.answers), **said}
    return {
        "sound_id": annotated.sound_id,
        "left_out": annotated.left_out,
        **counted,
        "answers": dumps(annotated.answers),
    }


def _session() -> requests.Session:
    return paced_session(CONNECTIONS, wait_unless_stopped)
