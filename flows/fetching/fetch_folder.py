"""Filling the table of loops: from a folder and its manifest, or from compositions with a known truth."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.engine.cluster import open_client, stream
from flows.engine.interrupts import stop_requested
from flows.engine.outcomes import Lost
from flows.fetching.commits import FetchSummary, committing_fetch
from flows.fetching.worker import probe_rows
from flows.orchestration.artifacts import ProgressArtifact
from flows.terminal.progress import progress
from storage.catalogue.ledger import Ledger
from storage.loops.licences import LicenceClass
from storage.loops.table import Loop
from storage.paths import path_of, path_text
from storage.vocabulary import Refusal
from storage.workspace import Workspace
from tasks.audio.errors import AudioError
from tasks.metadata.manifests import Row
from tasks.sources.composition_cuts import cuts_of
from tasks.sources.compositions import Composition, read_compositions
from tasks.sources.folder import folder_offer

_BATCH: Final = 32


@flow(name="fetch-folder")
def fetch_folder(
    folder: str,
    workspace: str,
    manifest: str | None = None,
    workers: int = 2,
    licences: Sequence[str] = tuple(LicenceClass),
    dask: str | None = None,
) -> FetchSummary:
    """Read the loops of a folder into the table; a file that cannot be used is a row in `errors`."""
    with Workspace(Path(workspace)).lock("fetch folder") as store, Ledger.of(store) as ledger:
        rows = folder_offer(path_of(folder), path_of(manifest) if manifest else None).rows
        loops, refused = read_files(rows, workers, dask)
        return commit_loops(loops, refused, licences, store, ledger)


@flow(name="fetch-compositions")
def fetch_compositions(folder: str, workspace: str) -> FetchSummary:
    """Take every four bars of compositions with a known truth into the table, as loops of several roles."""
    with Workspace(Path(workspace)).lock("fetch compositions") as store, Ledger.of(store) as ledger:
        cuts, refused = cut_compositions(read_compositions(path_of(folder)))
        return commit_loops(cuts, refused, tuple(LicenceClass), store, ledger)


@task(cache_policy=NO_CACHE)
def cut_compositions(compositions: list[Composition]) -> tuple[list[Loop], list[Refusal]]:
    """Cut compositions into loops of four bars; one whose audio cannot be used is refused."""
    cuts: list[Loop] = []
    refused: list[Refusal] = []
    with progress("read", len(compositions)) as shown:
        for composition in compositions:
            try:
                cuts.extend(cuts_of(composition))
            except AudioError as error:
                refused.append((path_text(composition.audio), error.reason, str(error)))
            shown.advance(1)
    return cuts, refused


@task(cache_policy=NO_CACHE)
def read_files(rows: list[Row], workers: int, dask: str | None) -> tuple[list[Loop], list[Refusal]]:
    """Decode, hash and describe every file, on Dask workers."""
    loops: list[Loop] = []
    refused: list[Refusal] = []
    batches = [rows[start : start + _BATCH] for start in range(0, len(rows), _BATCH)]
    if not batches:
        return loops, refused
    artifact = ProgressArtifact("fetched", len(rows), f"{len(rows)} files to read")
    with open_client(dask, workers) as client, progress("read", len(rows)) as shown:
        for result in stream(client, probe_rows, batches, stop_requested):
            if isinstance(result, Lost):
                refused.append((path_text(result.item.path), result.reason, "the process that read it died"))
                shown.advance(1)
                artifact.advance(1)
                continue
            for entry in result.receipt:
                if isinstance(entry, Loop):
                    loops.append(entry)
                else:
                    refused.append(entry)
            shown.advance(len(result.batch))
            artifact.advance(len(result.batch))
    return loops, refused


@task(cache_policy=NO_CACHE)
def commit_loops(
    loops: list[Loop],
    refused: list[Refusal],
    licences: Sequence[str],
    workspace: Workspace,
    ledger: Ledger,
) -> FetchSummary:
    """Merge the loops of these licence classes into the table, each content once, and publish what was refused."""
    with committing_fetch(workspace, ledger, "fetch", licences) as commits:
        commits.commit(loops, refused)
    return commits.summary
