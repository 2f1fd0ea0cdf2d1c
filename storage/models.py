"""Stored models: a folder each, with `card.json` and `model.safetensors`; the bundled model is in the package."""

import hashlib
import json
import shutil
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from storage.errors import UserError
from storage.files import atomic_path, sha256_of, write_text_atomically
from storage.vocabulary import ROLES

CARD_VERSION: Final = 1
_OF_A_FAILURE: Final = ("what", "said", "true", "why", "picture")
_PAIRS: Final = ("unsure", "calibration")


@dataclass(frozen=True)
class ModelCard:
    """What a model is, what it learned from, and how good it is; everything needed to use it and to assess it.

    `network` and `mel` are the configurations as JSON objects. `thresholds`, the `unsure` band (low, high) and the
    `calibration` (scale and shift of the log-odds, already in every answer) are per role. `metrics` maps a split to
    its scores on mixes (`mix`), single loops (`loop`) and cuts of compositions (`cut`). `cost` is what a segment
    costs: multiplications, seconds of audio a second on one core. `failures` are wrong labels, each with an
    explanation. `licences` has one entry per source and licence of the loops, with their number; `groups` the groups
    of loops on each side of the split.
    """

    model_id: str
    name: str
    network: dict[str, Any]
    mel: dict[str, Any]
    roles: list[str]
    thresholds: dict[str, float]
    unsure: dict[str, tuple[float, float]]
    loss: str
    parameters: int
    weights_digest: str
    dataset_name: str
    dataset_digest: str
    training: dict[str, Any]
    metrics: dict[str, Any]
    licences: list[dict[str, Any]]
    groups: dict[str, list[str]]
    code_version: str
    created_at: str
    card_version: int = CARD_VERSION
    calibration: dict[str, tuple[float, float]] = field(default_factory=dict)
    cost: dict[str, float] = field(default_factory=dict)
    failures: list[dict[str, Any]] = field(default_factory=list)

    def to_answer(self) -> "ModelCard":
        """The same card without what only people read, which is most of it: what goes to a worker with every batch."""
        return replace(self, training={}, metrics={}, licences=[], groups={}, cost={}, failures=[])

    @property
    def macro_pr_auc(self) -> float | None:
        """Mean PR-AUC of the five common roles on the mixes of the test split, if it was measured."""
        return _number(self.metrics.get("test", {}).get("mix", {}).get("macro_pr_auc"))

    @property
    def macro_roc_auc(self) -> float | None:
        """Mean ROC-AUC of the five common roles on the mixes of the test split, if it was measured."""
        return _number(self.metrics.get("test", {}).get("mix", {}).get("macro_roc_auc"))


@dataclass(frozen=True)
class StoredModel:
    """A card and the path of the weights it belongs to; the digest of the weights has been checked."""

    card: ModelCard
    weights: Path


@dataclass(frozen=True)
class ModelStore:
    """The models of a workspace, together with the bundled one."""

    root: Path

    def list(self) -> list[ModelCard]:
        """Every card, the bundled model's first, then by age."""
        folders = [BUNDLED, *sorted(path.parent for path in self.root.glob("*/card.json"))]
        cards = [_read_card(folder) for folder in folders if (folder / "card.json").exists()]
        return cards[:1] + sorted(cards[1:], key=lambda card: card.created_at)

    def load(self, model_id: str) -> StoredModel:
        """A model by its id, by a unique beginning of its id, or by name; `default` is the bundled one.

        Raises UserError if there is none or more than one, or if the weights are not those of the card.
        """
        folder = self._folder_of(model_id)
        card = _read_card(folder)
        weights = folder / "model.safetensors"
        if not weights.exists():
            raise UserError(f"{weights} is missing; train the model again, or restore it from a copy")
        if sha256_of(weights) != card.weights_digest:
            raise UserError(
                f"{weights} is not the file that its card describes; restore it from a copy, or train again"
            )
        return StoredModel(card, weights)

    def load_chosen(self, asked: str | None, active: str | None) -> StoredModel:
        """The model that was asked for, else the active one, else the bundled one; raises UserError as `load` does.

        An active model that is nowhere any more came with an earlier version of the package, or was deleted: the
        bundled one takes its place.
        """
        kept = {card.model_id for card in self.list()}
        return self.load(asked or (active if active in kept else None) or "default")

    def save(self, card: ModelCard, weights: bytes) -> StoredModel:
        """Store a model; the weights are written before the card, so that a card always has its weights."""
        folder = self.root / card.model_id
        with atomic_path(folder / "model.safetensors") as temporary:
            temporary.write_bytes(weights)
        write_text_atomically(folder / "card.json", json.dumps(asdict(card), indent=1, sort_keys=True))
        return StoredModel(card, folder / "model.safetensors")

    def explain(self, model_id: str, folder: Path) -> ModelCard:
        """Put `failures.json` and the pictures of a folder into a card; raises UserError if there are none to read."""
        stored = self.load(model_id)
        try:
            failures = json.loads((folder / "failures.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise UserError(
                f"cannot read {folder / 'failures.json'}: {error}; let `evaluate --failures` write it"
            ) from error
        _check_failures(failures, folder / "failures.json")
        home = stored.weights.parent
        for picture in sorted(folder.glob("*.png")):
            with atomic_path(home / picture.name) as temporary:
                shutil.copyfile(picture, temporary)
        card = replace(stored.card, failures=failures)
        write_text_atomically(home / "card.json", json.dumps(asdict(card), indent=1, sort_keys=True))
        return card

    def _folder_of(self, model_id: str) -> Path:
        if model_id == "default":
            return BUNDLED
        cards = self.list()
        found = [card for card in cards if model_id in (card.model_id, card.name)] or [
            card for card in cards if card.model_id.startswith(model_id)
        ]
        if len({card.model_id for card in found}) != 1:
            known = ", ".join(f"{card.model_id} ({card.name})" for card in cards)
            what = "more than one model" if found else "no model"
            raise UserError(f"{what} is called {model_id!r}; there are: {known}")
        chosen = self.root / found[0].model_id
        return chosen if chosen.exists() else BUNDLED


def copy_pictures(stored: StoredModel, folder: Path) -> list[Path]:
    """Copy the pictures beside a card into a folder; returns the new paths."""
    folder.mkdir(parents=True, exist_ok=True)
    return [Path(shutil.copy(path, folder)) for path in sorted(stored.weights.parent.glob("*.png"))]


def identify(card: ModelCard) -> ModelCard:
    """The same card with its id: a digest of what decides an answer (weights, network, transform, roles)."""
    decisive = json.dumps(
        [card.weights_digest, card.network, card.mel, card.roles, *([card.calibration] if card.calibration else [])],
        sort_keys=True,
    )
    return replace(card, model_id=hashlib.sha256(decisive.encode()).hexdigest()[:12])


def _bundled_folder() -> Path:
    return Path(str(resources.files("storage") / "bundled")) / "model"


BUNDLED: Final = _bundled_folder()


def _read_card(folder: Path) -> ModelCard:
    path = folder / "card.json"
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields.get("card_version", 0) > CARD_VERSION:
            raise UserError(f"{path} was written by a newer rolecall; upgrade to use it")
        pairs = {name: {role: tuple(pair) for role, pair in fields.get(name, {}).items()} for name in _PAIRS}
        card = ModelCard(**{**fields, **pairs})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path} is not a model card: {error}; restore it from a copy, or remove its folder") from error
    if tuple(card.roles) != ROLES:
        raise UserError(
            f"{path} names the roles {', '.join(card.roles)}, this rolecall knows {', '.join(ROLES)}; train one again"
        )
    return card


def _check_failures(failures: Any, path: Path) -> None:
    """Raise UserError unless `failures` are what `evaluate --failures` writes, whatever a person made of it."""
    if not isinstance(failures, list):
        raise UserError(f"{path} is no list of failures; let `evaluate --failures` write it")
    for number, failure in enumerate(failures, start=1):
        for name in _OF_A_FAILURE:
            if not isinstance(failure, dict) or not isinstance(failure.get(name), str):
                raise UserError(f"{path}: failure {number} has no text {name!r}; write one")


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) else None
