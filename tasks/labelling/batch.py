"""Labelling a batch of files, from paths and URLs to outcomes. No Prefect, no Dask, no database.

A process labels one batch at a time. What is next may be called beside it, in another thread, once `let_next` was
called: it reads its first files while the last ones of this batch are decoded, and then waits for its turn.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from threading import Lock
from typing import Final

import numpy as np

from storage.catalogue.label_parts import LabelOutcome
from storage.models import ModelCard
from storage.paths import path_text
from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError
from tasks.features.mel_config import Matrix, MelConfig
from tasks.labelling.analysis import Analysis, analyse
from tasks.labelling.outcome import Answers, labelled_outcome, quarantined_outcome
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.remote.reading import LocalFile, local_files

Watch = Callable[[LabelRequest], AbstractContextManager[None]]
"""What is wrapped around the reading of each file; it may refuse one by raising `AudioError`."""

LetNext = Callable[[], None]
"""Called when nothing of this batch is left to begin reading; of files on a disk, never."""

_turn: Final = Lock()
"""Two batches at once would need twice the memory, and a watchdog watches one file."""


@dataclass(frozen=True)
class Analysed:
    """A file that was analysed, or what is wrong with it; of one that came from a URL also what was read of it."""

    request: LabelRequest
    result: Analysis | AudioError
    content_hash: str | None = None
    bytes_read: int | None = None


def _unwatched(_: LabelRequest) -> AbstractContextManager[None]:
    return nullcontext()


def stay_alone() -> None:
    """Let no other batch begin before this one is done."""


def label_batch(
    requests: Sequence[LabelRequest],
    recipe: LabelRecipe,
    watch: Watch = _unwatched,
    let_next: LetNext = stay_alone,
) -> list[LabelOutcome]:
    """Label some files; a file that cannot be used gets an outcome with a reason, and never stops the others."""
    # Torch takes 190 MB, and the flow, which imports this only to send it to workers, never needs it.
    from tasks.networks.inference import load_network, predict_at_two_scales

    with _files_in_turn(requests, let_next) as files:
        ask = partial(predict_at_two_scales, load_network(recipe.weights, recipe.card))
        return answered(_each_analysed(requests, files, recipe.card, watch), recipe.card, ask)


def analyse_batch(
    requests: Sequence[LabelRequest],
    card: ModelCard,
    watch: Watch = _unwatched,
    let_next: LetNext = stay_alone,
) -> list[Analysed]:
    """Each file analysed; `watch` is wrapped around each."""
    with _files_in_turn(requests, let_next) as files:
        return _each_analysed(requests, files, card, watch)


@contextmanager
def _files_in_turn(requests: Sequence[LabelRequest], let_next: LetNext) -> Iterator[Iterator[LocalFile | AudioError]]:
    """The files of a batch, of which the first are read at once, and which are there when it is this batch's turn."""
    with local_files([request.path for request in requests], let_next) as files, _turn:
        yield files


def _each_analysed(
    requests: Sequence[LabelRequest], files: Iterator[LocalFile | AudioError], card: ModelCard, watch: Watch
) -> list[Analysed]:
    config = MelConfig(**card.mel)
    return [_analysed(request, file, config, watch) for request, file in zip(requests, files, strict=True)]


def answered(analysed: Sequence[Analysed], card: ModelCard, ask: Callable[[Matrix], Answers]) -> list[LabelOutcome]:
    """Outcomes of analysed files; `ask` answers the log-mels (windows, frames, mels) of all of them."""
    answers = iter(_asked(ask, [one.result.mels for one in analysed if isinstance(one.result, Analysis)]))
    outcomes = [
        quarantined_outcome(one.request, one.result, card)
        if isinstance(one.result, AudioError)
        else labelled_outcome(one.request, one.result, next(answers), card)
        for one in analysed
    ]
    return [
        replace(outcome, content_hash=one.content_hash, bytes_read=one.bytes_read)
        for outcome, one in zip(outcomes, analysed, strict=True)
    ]


def _analysed(request: LabelRequest, file: LocalFile | AudioError, config: MelConfig, watch: Watch) -> Analysed:
    if isinstance(file, AudioError):
        return Analysed(request, file)
    here = replace(request, path=path_text(file.path))
    return Analysed(request, _analysis(here, config, watch), file.content_hash, file.bytes_read)


def _analysis(request: LabelRequest, config: MelConfig, watch: Watch) -> Analysis | AudioError:
    try:
        with watch(request):
            return analyse(request, config)
    except AudioError as error:
        return error
    except MemoryError:
        return AudioError(Reason.OOM, "needs more memory than a worker has")


def _asked(ask: Callable[[Matrix], Answers], mels: Sequence[Matrix]) -> list[Answers]:
    """What the network says of several files' windows, from calls that they share."""
    if not mels:
        return []
    together = mels[0] if len(mels) == 1 else np.concatenate(mels)
    borders = np.cumsum([len(windows) for windows in mels])[:-1]
    return list(zip(*(np.split(answer, borders) for answer in ask(together)), strict=True))
