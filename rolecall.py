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
from tasks.labelling.file_labels import Iram, Key, LabelError, Labels, Section, Segment, Tempo, labels_of

if TYPE_CHECKING:
    import duckdb

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
    labels = labels_of(label_batch([request], recipe)[0], recipe)
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
        yield labels_of(outcome, recipe)


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
