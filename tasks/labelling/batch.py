"""Labelling a batch of files, from paths to outcomes. No Prefect, no Dask, no database."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial

import numpy as np

from storage.catalogue.label_parts import LabelOutcome
from storage.models import ModelCard
from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError
from tasks.features.mel_config import Matrix, MelConfig
from tasks.labelling.analysis import Analysis, analyse
from tasks.labelling.outcome import Answers, labelled_outcome, quarantined_outcome
from tasks.labelling.request import LabelRecipe, LabelRequest

Watch = Callable[[LabelRequest], AbstractContextManager[None]]
"""What is wrapped around the reading of each file; it may refuse one by raising `AudioError`."""


def _unwatched(_: LabelRequest) -> AbstractContextManager[None]:
    return nullcontext()


def label_batch(requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched) -> list[LabelOutcome]:
    """Label some files; a file that cannot be used gets an outcome with a reason, and never stops the others."""
    # Torch takes 190 MB, and the flow, which imports this only to send it to workers, never needs it.
    from tasks.networks.inference import load_network, predict_at_two_scales

    ask = partial(predict_at_two_scales, load_network(recipe.weights, recipe.card))
    return answered(requests, analyse_batch(requests, recipe, watch), recipe.card, ask)


def analyse_batch(
    requests: Sequence[LabelRequest], recipe: LabelRecipe, watch: Watch = _unwatched
) -> list[Analysis | AudioError]:
    """The analysis of each file, or what is wrong with it; `watch` is wrapped around each."""
    config = MelConfig(**recipe.card.mel)
    analyses: list[Analysis | AudioError] = []
    for request in requests:
        try:
            with watch(request):
                analyses.append(analyse(request, config))
        except AudioError as error:
            analyses.append(error)
        except MemoryError:
            analyses.append(AudioError(Reason.OOM, "needs more memory than a worker has"))
    return analyses


def answered(
    requests: Sequence[LabelRequest],
    analyses: Sequence[Analysis | AudioError],
    card: ModelCard,
    ask: Callable[[Matrix], Answers],
) -> list[LabelOutcome]:
    """Outcomes of analysed files; `ask` answers the log-mels (windows, frames, mels) of all of them."""
    answers = iter(_asked(ask, [analysis.mels for analysis in analyses if isinstance(analysis, Analysis)]))
    return [
        quarantined_outcome(request, analysis, card)
        if isinstance(analysis, AudioError)
        else labelled_outcome(request, analysis, next(answers), card)
        for request, analysis in zip(requests, analyses, strict=True)
    ]


def _asked(ask: Callable[[Matrix], Answers], mels: Sequence[Matrix]) -> list[Answers]:
    """What the network says of several files' windows, from calls that they share."""
    if not mels:
        return []
    together = mels[0] if len(mels) == 1 else np.concatenate(mels)
    borders = np.cumsum([len(windows) for windows in mels])[:-1]
    return list(zip(*(np.split(answer, borders) for answer in ask(together)), strict=True))
