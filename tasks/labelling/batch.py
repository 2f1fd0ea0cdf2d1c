"""Labelling a batch of files, from paths and URLs to outcomes. No Prefect, no Dask, no database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from functools import partial

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


@dataclass(frozen=True)
class Analysed:
    """A file that was analysed, or what is wrong with it; of one that came from a URL also what was read of it."""

    request: LabelRequest
    result: Analysis | AudioError
    content_hash: str | None = None
    bytes_read: int | None = None


def _unwatched(_: LabelRequest) -> AbstractContextManager[None]:
    return nullcontext()


def label_batch(requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched) -> list[LabelOutcome]:
    """Label some files; a file that cannot be used gets an outcome with a reason, and never stops the others."""
    # Torch takes 190 MB, and the flow, which imports this only to send it to workers, never needs it.
    from tasks.networks.inference import load_network, predict_at_two_scales

    ask = partial(predict_at_two_scales, load_network(recipe.weights, recipe.card))
    return answered(analyse_batch(requests, recipe.card, watch), recipe.card, ask)


def analyse_batch(requests: Sequence[LabelRequest], card: ModelCard, watch: Watch = _unwatched) -> list[Analysed]:
    """Each file analysed; `watch` is wrapped around each."""
    config = MelConfig(**card.mel)
    with local_files([request.path for request in requests]) as files:
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
