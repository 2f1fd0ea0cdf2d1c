"""The labels of a file as users of the Python face have them: roles, tempo, key, map, sections; or why it has none.

Nothing heavy is imported before it is used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.vocabulary import ROLES

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from storage.catalogue.label_parts import LabelOutcome
    from tasks.labelling.request import LabelRecipe


class LabelError(Exception):
    """A file that cannot be labelled: its `path`, a `reason` code such as `unreadable`, and a `message`."""

    def __init__(self, path: Path, reason: str, message: str) -> None:
        """For one file."""
        super().__init__(f"{path}: {reason}: {message}")
        self.path, self.reason, self.message = path, reason, message


@dataclass(frozen=True)
class Tempo:
    """A tempo in beats per minute: where it comes from, how sure it is (0..1), and what else it may be.

    `first_downbeat_s` is the first bar line in seconds; `half_time` says whether the music feels half as fast, and is
    None where nobody looked. `drift` is the share by which the tempo is off at most, None where it is constant.
    """

    bpm: float
    source: str
    confidence: float
    alternative: float | None
    first_downbeat_s: float
    half_time: bool | None = None
    drift: float | None = None


@dataclass(frozen=True)
class Key:
    """A key: its tonic (`C#`), its mode (`minor`), where it comes from and how sure it is (0..1)."""

    tonic: str
    mode: str | None
    source: str
    confidence: float


@dataclass(frozen=True)
class Segment:
    """Four bars: `segment` counts from 0 (-1 before the first downbeat), bars from 1, `end_bar` is the last one."""

    segment: int
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Section:
    """A run of bars with one meaning: intro, build, core (the drop), break or outro; `end_bar` is the last one.

    `confidence` is how likely the label is, `border_confidence` how likely a section begins within a bar of its
    `start_bar`; None for labels of an earlier version.
    """

    label: str
    confidence: float
    start_bar: int
    end_bar: int
    border_confidence: float | None


@dataclass(frozen=True)
class Iram:
    """The instrumentation role activation map: how likely each role is in every four bars. Without rows for no map."""

    segments: tuple[Segment, ...]
    activations: tuple[tuple[float, ...], ...]

    def __len__(self) -> int:
        """How many segments there are."""
        return len(self.segments)

    def to_numpy(self) -> "NDArray[np.float32]":
        """The activations (segments, roles), in the order of `ROLES`."""
        import numpy as np

        return np.array(self.activations, np.float32).reshape(-1, len(ROLES))

    def to_arrow(self) -> "pa.Table":
        """A table with one row a segment: segment, start_bar, end_bar, start_s, end_s, and one column a role."""
        import pyarrow as pa

        facts = {name: [getattr(one, name) for one in self.segments] for name in Segment.__dataclass_fields__}
        return pa.table({**facts, **dict(zip(ROLES, self.to_numpy().T, strict=True))})

    def to_pandas(self) -> Any:
        """The same table as a pandas DataFrame; pandas must be installed."""
        return self.to_arrow().to_pandas()

    def plot(self, axes: "Axes | None" = None) -> "Axes":
        """Draw the map, one row a role and one square a segment; on new axes where none are given."""
        import matplotlib.pyplot as plt
        import numpy as np

        axes = axes or plt.subplots(figsize=(12, 3), layout="constrained")[1]
        bars = [one.start_bar for one in self.segments] + [one.end_bar + 1 for one in self.segments[-1:]]
        if self.segments:
            rows = np.arange(len(ROLES) + 1)
            axes.pcolormesh(bars, rows, self.to_numpy().T, cmap="viridis", vmin=0, vmax=1)
        axes.set_yticks(np.arange(len(ROLES)) + 0.5, labels=list(ROLES))
        axes.set_ylim(len(ROLES), 0)
        axes.set_xlabel("bar")
        return axes


@dataclass(frozen=True)
class Labels:
    """What rolecall says of one file.

    `kind` is loop, track or oneshot. `roles` has the probability of each role over the whole file, `active` the roles
    that are on by the thresholds of the model. `tempo` is None where there is none, and `iram` is then empty.
    """

    path: Path
    kind: str
    duration_s: float
    roles: Mapping[str, float]
    active: frozenset[str]
    tempo: Tempo | None
    key: Key | None
    iram: Iram
    sections: tuple[Section, ...]
    model_id: str


def labels_of(outcome: "LabelOutcome", recipe: "LabelRecipe") -> Labels | LabelError:
    """What users are told of an outcome, with the roles that are on by the thresholds of the recipe's model."""
    path = Path(outcome.path)
    if outcome.reason is not None or outcome.probabilities is None or outcome.kind is None:
        return LabelError(path, str(outcome.reason), outcome.message or "")
    roles = dict(zip(ROLES, outcome.probabilities, strict=True))
    return Labels(
        path=path,
        kind=str(outcome.kind),
        duration_s=outcome.duration_s or 0.0,
        roles=roles,
        active=frozenset(role for role, likely in roles.items() if likely >= recipe.card.thresholds[role]),
        tempo=_tempo(outcome),
        key=_key(outcome),
        iram=Iram(
            tuple(Segment(s.segment, s.start_bar, s.end_bar, s.start_s, s.end_s) for s in outcome.segments),
            tuple(segment.activations for segment in outcome.segments),
        ),
        sections=tuple(
            Section(str(s.label), s.confidence, s.start_bar, s.end_bar, s.border_confidence) for s in outcome.sections
        ),
        model_id=outcome.model_id,
    )


def _tempo(outcome: "LabelOutcome") -> Tempo | None:
    if outcome.bpm is None or outcome.bpm_source is None:
        return None
    return Tempo(
        outcome.bpm,
        str(outcome.bpm_source),
        outcome.bpm_confidence or 0.0,
        outcome.bpm_alternative,
        outcome.first_downbeat_s or 0.0,
        outcome.half_time,
        outcome.bpm_drift,
    )


def _key(outcome: "LabelOutcome") -> Key | None:
    if outcome.key is None or outcome.key_source is None:
        return None
    return Key(outcome.key, outcome.mode, str(outcome.key_source), outcome.key_confidence or 0.0)
