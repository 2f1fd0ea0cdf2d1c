"""The public Python face of rolecall: label files, read their maps, ask a catalogue. Needs no Prefect and no Dask.

    import rolecall

    labels = rolecall.label("track.mp3", bpm=128)
    labels.roles["bass"]                 # how likely the track has a bass, 0..1
    labels.iram.to_numpy()               # (segments, roles), one row every four bars
    rolecall.Catalogue.open("workspace").sql("SELECT path, bpm FROM tracks")

Nothing heavy is imported before it is used.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from storage.errors import UserError
from storage.vocabulary import ROLES

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from storage.catalogue.label_parts import LabelOutcome
    from tasks.labelling.request import LabelRecipe, LabelRequest

__all__ = [
    "ROLES",
    "Catalogue",
    "Iram",
    "Key",
    "LabelError",
    "Labels",
    "Section",
    "Segment",
    "Tempo",
    "UserError",
    "label",
    "label_many",
]

PathLike = str | os.PathLike[str]


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


def label(
    path: PathLike,
    *,
    bpm: float | None = None,
    first_downbeat_s: float | None = None,
    kind: str | None = None,
    key: str | None = None,
    bpm_range: tuple[float, float] | None = None,
    model: str = "default",
    workspace: PathLike | None = None,
) -> Labels:
    """Label one file, in this process. What is stated (tempo, first downbeat, kind, key) is taken as it is.

    A tempo that nobody states is given in the octave inside `bpm_range`. `model` is an id or a name, of the bundled
    model or of one in `workspace`. Raises `LabelError` if the file cannot be used, `UserError` if there is no such
    model.
    """
    from tasks.labelling.batch import label_batch

    request = _request(Path(path), bpm, first_downbeat_s, kind, key, bpm_range)
    recipe = _recipe(model, workspace)
    labels = _labels(label_batch([request], recipe)[0], recipe)
    if isinstance(labels, LabelError):
        raise labels
    return labels


def label_many(
    paths: Iterable[PathLike],
    *,
    processes: int | None = None,
    bpm_range: tuple[float, float] | None = None,
    model: str = "default",
    workspace: PathLike | None = None,
) -> Iterator[Labels | LabelError]:
    """Label files in `processes` processes, by default as many as the machine carries: an answer for each, in order.

    A file that cannot be used, takes too long or kills its process is a `LabelError` in its place, and is not raised.
    """
    from storage.machine_limits import machine_limits
    from tasks.labelling.pool import label_each

    recipe = _recipe(model, workspace)
    requests = (_request(Path(path), bpm_range=bpm_range) for path in paths)
    for outcome in label_each(requests, recipe, processes or machine_limits().workers):
        yield _labels(outcome, recipe)


@dataclass(frozen=True)
class Catalogue:
    """The published catalogue of a workspace, open for reading; a run that publishes meanwhile does not disturb it."""

    connection: "duckdb.DuckDBPyConnection"
    _open: ExitStack = field(repr=False)

    @classmethod
    def open(cls, workspace: PathLike, *, memory_limit: str | None = None) -> "Catalogue":
        """Open the catalogue of a workspace, its folder or its `catalogue.duckdb`; `memory_limit` is such as `4GB`."""
        from storage.published.queries import open_catalogue
        from storage.workspace import Workspace

        path = Path(workspace)
        things = ExitStack()
        root = path.parent if path.name == "catalogue.duckdb" else path
        return cls(things.enter_context(open_catalogue(Workspace(root), memory_limit)), things)

    def sql(self, query: str, **parameters: Any) -> "duckdb.DuckDBPyRelation":
        """A query over the public views as a DuckDB relation; `$name` in it is the parameter of that name."""
        return self.connection.sql(query, params=parameters or None)

    def tracks(
        self,
        *,
        roles: Mapping[str, bool] | Iterable[str] = (),
        bpm: tuple[float, float] | None = None,
        key: str | None = None,
        mode: str | None = None,
        kind: str | None = None,
    ) -> "duckdb.DuckDBPyRelation":
        """The tracks, loops and one-shots that have all of this.

        `roles` names roles that are on, or says of each whether it is on (True) or off (False). `bpm` is a range with
        both ends, `key` a tonic as the catalogue writes it (`C#`), `mode` major or minor, `kind` loop, track or
        oneshot.
        """
        wanted = dict(roles) if isinstance(roles, Mapping) else dict.fromkeys(roles, True)
        unknown = sorted(set(wanted) - set(ROLES))
        if unknown:
            raise ValueError(f"{', '.join(unknown)} is no role; the roles are {', '.join(ROLES)}")
        low, high = bpm or (None, None)
        return self.sql(
            _TRACKS,
            on=[role for role, there in wanted.items() if there],
            off=[role for role, there in wanted.items() if not there],
            **{"low": low, "high": high, "key": key, "mode": mode, "kind": kind},
        )

    def close(self) -> None:
        """Close the catalogue; relations that came from it end with it."""
        self._open.close()

    def __enter__(self) -> "Catalogue":
        """Closed at the end of a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the catalogue."""
        self.close()


_TRACKS: Final = """
SELECT * FROM tracks
WHERE ($low IS NULL OR bpm BETWEEN $low AND $high)
  AND ($key IS NULL OR "key" = $key) AND ($mode IS NULL OR mode = $mode) AND ($kind IS NULL OR kind = $kind)
  AND (len($on) + len($off) = 0 OR track_id IN (
      SELECT track_id FROM roles GROUP BY track_id
      HAVING count(*) FILTER (active AND list_contains($on, role)) = len($on)
         AND count(*) FILTER (active AND list_contains($off, role)) = 0))
ORDER BY path
"""


def _request(
    path: Path,
    bpm: float | None = None,
    first_downbeat_s: float | None = None,
    kind: str | None = None,
    key: str | None = None,
    bpm_range: tuple[float, float] | None = None,
) -> "LabelRequest":
    from storage.vocabulary import Kind
    from tasks.labelling.request import LabelRequest

    return LabelRequest("", str(path.absolute()), Kind(kind) if kind else None, bpm, first_downbeat_s, key, bpm_range)


def _recipe(model: str, workspace: PathLike | None) -> "LabelRecipe":
    from storage.models import ModelStore
    from storage.workspace import Workspace, default_workspace
    from tasks.labelling.request import LabelRecipe

    root = Path(workspace) if workspace is not None else default_workspace()
    return LabelRecipe.of(ModelStore(Workspace(root).models).load(model))


def _labels(outcome: "LabelOutcome", recipe: "LabelRecipe") -> Labels | LabelError:
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
