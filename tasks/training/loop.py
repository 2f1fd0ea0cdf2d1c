"""Training a role network: one loop in plain PyTorch, the same on a processor and on a graphics card."""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from storage.datasets.examples import Examples
from tasks.evaluation.metrics import selection_score
from tasks.features.mel_config import MelConfig
from tasks.features.mel_filters import mel_centres
from tasks.networks import CellNetwork, NetworkConfig, RoleNetwork, channels_last
from tasks.networks.cell_head import CellHead
from tasks.networks.inference import predict
from tasks.training.batch_mixing import BatchMixer, MixedBatch
from tasks.training.checkpoints import TrainingHistory, TrainingState, load_checkpoint, save_checkpoint
from tasks.training.losses import BinaryCrossEntropy, CellCrossEntropy, build_loss

_WARM_UP: Final = 0.1
_STEEPEST: Final = 5.0
_STEPS_DRAWN_AT_ONCE: Final = {"cpu": 1, "cuda": 8}
"""For how many steps batches are drawn together: a graphics card would wait for the many small parts of each."""

Teacher = Callable[[Tensor], Tensor]
"""What a student imitates: log-mels (rows, frames, mels) to probabilities (rows, roles)."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train: loss, epochs of so many steps, rows a step, peak learning rate, seed.

    The learning rate rises over the first tenth and falls as a cosine. `patience` epochs without a better validation
    score end the training early; `averaging` is the decay of the moving average of the weights that is kept;
    `imitation` is the share of a student's loss that comes from its teacher; `parts` weighs the loss of telling the
    roles apart in every cell of a `CellNetwork`, beside that of telling them in the whole; `stay` is the share of the
    weights it started from in those that a training keeps (Wortsman et al., CVPR 2022).
    """

    loss: str = "bce"
    epochs: int = 40
    steps: int = 100
    batch_size: int = 64
    learning_rate: float = 3e-3
    weight_decay: float = 2e-2
    patience: int = 12
    averaging: float = 0.998
    imitation: float = 0.7
    parts: float = 0.0
    stay: float = 0.0
    seed: int = 2026


@dataclass
class TrainedNetwork:
    """A trained network with the history of its training."""

    network: nn.Module
    history: TrainingHistory


def train_network(
    config: NetworkConfig,
    training: TrainingConfig,
    mel: MelConfig,
    train: Examples,
    validation: Examples,
    report: Callable[[int, float, float], None],
    *,
    checkpoint: Path | None = None,
    teacher: Teacher | None = None,
    start: Mapping[str, Tensor] | None = None,
) -> TrainedNetwork:
    """Train on one split, from the weights `start` or from none, and keep the epoch that is best on the other.

    `report` is called after each epoch: number, loss, validation score (`selection_score`). With a `checkpoint`, the
    state is written after each epoch, and a training that was stopped goes on from there to the same result.
    """
    torch.manual_seed(training.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    state = _begin(config, training, device, start)
    soft_labels = None if train.soft_labels is None else hashlib.sha256(train.soft_labels.tobytes()).hexdigest()
    purpose = json.dumps(
        [asdict(config), asdict(training), asdict(mel), len(train.labels), soft_labels, _digest(start)]
    )
    if checkpoint is not None:
        load_checkpoint(checkpoint, state, purpose)
    mixer = BatchMixer(train, mel_centres(mel), device, state.random)
    loss = build_loss(training.loss, train.labels).to(device)
    while state.history.epoch < training.epochs and not _out_of_patience(state.history, training):
        with _without_denormals():
            loss_value = _epoch(state, training, mixer, loss, teacher)
        answering = _between(state.average, start, training.stay)
        score = selection_score(validation.mix_ids, validation.labels, predict(answering, validation.mels))
        _record_epoch(state, answering, loss_value, score)
        report(state.history.epoch - 1, loss_value, score)
        if checkpoint is not None:
            save_checkpoint(checkpoint, state, purpose)
    state.average.load_state_dict(state.kept)
    return TrainedNetwork(state.average.cpu(), state.history)


@contextmanager
def _without_denormals() -> Iterator[None]:
    """Numbers next to zero are zero: synthetic voices are full of them, and a processor is slow at them."""
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


def _begin(
    config: NetworkConfig, training: TrainingConfig, device: torch.device, start: Mapping[str, Tensor] | None
) -> TrainingState:
    network = config.build()
    if start is not None:
        network.load_state_dict(start)
    network = channels_last(network.to(device))
    average = deepcopy(network).eval()
    head = _cell_head(network, config.roles).to(device) if training.parts else None
    learning = [*network.parameters(), *(head.parameters() if head is not None else [])]
    optimiser = torch.optim.AdamW(
        learning, training.learning_rate, weight_decay=training.weight_decay, fused=device.type == "cuda" or None
    )
    random = torch.Generator(device).manual_seed(training.seed)
    return TrainingState(network, head, average, deepcopy(average.state_dict()), optimiser, random, TrainingHistory())


def _digest(weights: Mapping[str, Tensor] | None) -> str | None:
    if weights is None:
        return None
    return hashlib.sha256(b"".join(value.numpy().tobytes() for value in weights.values())).hexdigest()


def _cell_head(network: RoleNetwork, roles: int) -> CellHead:
    if not isinstance(network, CellNetwork):
        raise ValueError(f"{type(network).__name__} has no image of beats and bands to learn parts from")
    return CellHead(network.cell_channels, roles)


def _epoch(
    state: TrainingState,
    training: TrainingConfig,
    mixer: BatchMixer,
    loss: BinaryCrossEntropy,
    teacher: Teacher | None,
) -> float:
    """One epoch of steps; returns the mean loss."""
    state.network.train()
    values = []
    for step, batch in enumerate(_batches(mixer, training)):
        done = state.history.epoch * training.steps + step
        for group in state.optimiser.param_groups:
            group["lr"] = training.learning_rate * rate_at(done / (training.epochs * training.steps))
        with torch.autocast(batch.mels.device.type, torch.bfloat16, enabled=batch.mels.device.type == "cuda"):
            given, parted = _answered(state, batch)
        value = loss(given, batch.wanted) + state.network.penalty()
        if teacher is not None:
            imitated = BinaryCrossEntropy()(given, teacher(batch.mels))
            value = (1 - training.imitation) * value + training.imitation * imitated
        if parted is not None:
            value = value + training.parts * parted
        state.optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(value)
        nn.utils.clip_grad_norm_(state.optimiser.param_groups[0]["params"], _STEEPEST)
        state.optimiser.step()
        _update_average(state.average, state.network, min(training.averaging, (1 + done) / (10 + done)))
        values.append(value.detach())
    return float(torch.stack(values).mean())


def _batches(mixer: BatchMixer, training: TrainingConfig) -> Iterator[MixedBatch]:
    """The batches of an epoch."""
    at_once = _STEPS_DRAWN_AT_ONCE[mixer.device.type]
    for start in range(0, training.steps, at_once):
        steps = min(at_once, training.steps - start)
        yield from mixer.draw(steps * training.batch_size).dealt(steps)


def _answered(state: TrainingState, batch: MixedBatch) -> tuple[Tensor, Tensor | None]:
    """Probabilities (rows, roles), and where the training learns from parts how wrong the roles of the cells are."""
    if state.head is None or not isinstance(state.network, CellNetwork):
        return state.network(batch.mels), None
    image = state.network.image(batch.mels)
    parted: Tensor = CellCrossEntropy()(state.head(image), batch.shares, batch.wanted, batch.powers)
    return state.network.answer_image(image), parted


def rate_at(share: float) -> float:
    """The learning rate as a share of its peak, when a share of all steps is done: warm-up, then a cosine."""
    if share < _WARM_UP:
        return (share + 1e-3) / (_WARM_UP + 1e-3)
    return 0.5 * (1 + math.cos(math.pi * (share - _WARM_UP) / (1 - _WARM_UP)))


def _out_of_patience(history: TrainingHistory, training: TrainingConfig) -> bool:
    return history.epoch - 1 - history.best_epoch >= training.patience


def _between(average: nn.Module, start: Mapping[str, Tensor] | None, stay: float) -> nn.Module:
    """The network that answers: the averaged one, or one whose weights lie between it and where it started."""
    if start is None or not stay:
        return average
    between = deepcopy(average)
    for name, kept in between.state_dict().items():
        if kept.dtype.is_floating_point:
            kept.lerp_(start[name].to(kept.device), stay)
    return between


def _record_epoch(state: TrainingState, answering: nn.Module, loss_value: float, score: float) -> None:
    """Write the epoch into the history, and keep the weights if they are the best so far, or nobody can say."""
    history = state.history
    history.losses.append(loss_value)
    history.validation_pr_auc.append(score)
    if score > history.best or math.isnan(score):
        history.best, history.best_epoch = max(history.best, 0.0 if math.isnan(score) else score), history.epoch
        state.kept = deepcopy(answering.state_dict())
    history.epoch += 1


def _update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    towards = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    pairs = list(zip(average.state_dict().values(), network.state_dict().values(), strict=True))
    with torch.no_grad():
        moving = [pair for pair in pairs if pair[0].dtype.is_floating_point]
        towards([kept for kept, _ in moving], [new for _, new in moving], 0)
        for kept, new in pairs:
            if not kept.dtype.is_floating_point:
                kept.copy_(new)
