"""Fetching sounds from a server: downloaded over a few connections, decoded on Dask workers, committed in batches."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Final

from distributed import Client

from flows.engine.cluster import stream
from flows.engine.interrupts import StoppedError, stop_requested
from flows.engine.outcomes import Lost
from flows.fetching.commits import FetchCommits
from flows.fetching.worker import measure_loops
from flows.orchestration.artifacts import ProgressArtifact
from flows.terminal.progress import Progress
from flows.terminal.streams import say
from storage.accounts.quota import DayQuotaError
from storage.errors import UserError
from storage.loops.table import Loop
from storage.vocabulary import Reason, Refusal
from tasks.http.client import GoneError, RequestError
from tasks.http.remote_zip import ZipError

CONNECTIONS: Final = 4
BATCH: Final = 64
_PROBE_BATCH: Final = 8


def download_and_commit(
    sounds: Sequence[Loop],
    place: Callable[[Loop], str],
    download: Callable[[Loop], object],
    client: Client,
    commits: FetchCommits,
    shown: Progress,
) -> bool:
    """Download, check and commit `sounds`; what fails is refused under the name that `place` gives it.

    A sound that another try may get is refused as `network`; raises UserError if a whole batch fails so. Ends
    after the batch in flight once a stop is requested, or when the day's requests are used up: what was not asked for
    is left to the next run. True if the day's requests ran out.
    """
    artifact = ProgressArtifact("fetched", len(sounds), f"{len(sounds)} sounds to fetch")
    for start in range(0, len(sounds), BATCH):
        if stop_requested.is_set():
            return False
        batch = sounds[start : start + BATCH]
        arrived, refused, day_ends = _download_all(batch, place, download)
        if not arrived and len(refused) == len(batch) and all(reason is Reason.NETWORK for _, reason, _ in refused):
            commits.commit([], refused)
            raise UserError(f"{refused[0][2]}; nothing comes through, run the same command later to go on")
        loops, broken = _measure_all(arrived, place, client)
        commits.commit(loops, refused + broken, cleared=[place(loop) for loop in loops])
        shown.advance(len(batch))
        artifact.advance(len(batch))
        if day_ends is not None:
            say(f"{day_ends}; the same command goes on then")
            return True
    return False


def _download_all(
    batch: Sequence[Loop], place: Callable[[Loop], str], download: Callable[[Loop], object]
) -> tuple[list[Loop], list[Refusal], DayQuotaError | None]:
    """What arrived, what is refused, and the end of the day if it came; what was put off is in neither list."""

    def one(loop: Loop) -> Loop | Refusal | DayQuotaError | StoppedError:
        try:
            download(loop)
        except GoneError as error:
            return place(loop), Reason.VANISHED, str(error)
        except RequestError as error:
            return place(loop), Reason.NETWORK, str(error)
        except ZipError as error:
            return place(loop), Reason.TRUNCATED, str(error)
        except (DayQuotaError, StoppedError) as put_off:
            return put_off
        return loop

    with ThreadPoolExecutor(CONNECTIONS) as threads:
        outcomes = list(threads.map(one, batch))
    arrived = [outcome for outcome in outcomes if isinstance(outcome, Loop)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, tuple)]
    ends = [outcome for outcome in outcomes if isinstance(outcome, DayQuotaError)]
    return arrived, refused, ends[0] if ends else None


def _measure_all(
    arrived: Sequence[Loop], place: Callable[[Loop], str], client: Client
) -> tuple[list[Loop], list[Refusal]]:
    loops: list[Loop] = []
    refused: list[Refusal] = []
    named = {loop.path: place(loop) for loop in arrived}
    batches = [arrived[start : start + _PROBE_BATCH] for start in range(0, len(arrived), _PROBE_BATCH)]
    # What has come is always measured: a stop never leaves a file without its row.
    for result in stream(client, measure_loops, batches, Event()):
        if isinstance(result, Lost):
            refused.append((named[result.item.path], result.reason, "the process that read it died"))
            continue
        for entry in result.receipt:
            if isinstance(entry, Loop):
                loops.append(entry)
            else:
                path, reason, message = entry
                refused.append((named[path], reason, message))
    return loops, refused
