"""The table of loops, `loops.parquet`: one row per loop, checked before it is written."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field, TypeAdapter, ValidationError

from storage.errors import UserError
from storage.files import atomic_path
from storage.loops.licences import LicenceClass, classify
from storage.vocabulary import ROLES

SCHEMA_VERSION: Final = 3


Text = Annotated[str, Field(min_length=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Role = Annotated[str, Field(pattern=rf"^({'|'.join(ROLES)})$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True)
class Loop:
    """A loop that may be mixed from: where it is, what it holds, who made it and under which licence.

    `roles` is empty where unknown, and `unknown_roles` are those that may sound or not; a loop may be a cut of a
    longer file, from `start_s` on; times in seconds, tempo in beats per minute; `key` is a tonic such as `C#`
    and `mode` major or minor; `bpm_source`, `roles_source` and `key_source` say who said so, and `key_confidence`
    (0..1) how sure a key is that may be wrong; `flags` say what is odd about a loop, `oneshot` that it is a hit or a
    note; `group` is what must stay on one side of a split; `licence` is stored word for word; `audio_digest` is of the
    decoded audio, so that the same sound in two formats is found; `extra` keeps, as JSON, what a source says that has
    no place of its own.

    A record may be unfinished while its file is still to come; `check_loop` says whether it may enter the table.
    """

    loop_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    source: Text
    path: Annotated[str, Field(pattern=r"^/")]
    sha256: Digest
    duration_s: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    roles: tuple[Role, ...]
    group: Text
    start_s: Seconds = 0.0
    unknown_roles: tuple[Role, ...] = ()
    bpm: Annotated[float, Field(ge=20, le=400)] | None = None
    bpm_source: Text | None = None
    bars: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    key: Annotated[str, Field(pattern=r"^([ACDFG]#?|[BE])$")] | None = None
    mode: Annotated[str, Field(pattern=r"^(major|minor)$")] | None = None
    licence: Text = "unspecified"
    author: str | None = None
    url: str | None = None
    annotators: Annotated[int, Field(ge=1)] | None = None
    flags: tuple[Text, ...] = ()
    extra: str = "{}"
    roles_source: Text | None = None
    key_source: Text | None = None
    audio_digest: Digest | None = None
    key_confidence: Annotated[float, Field(ge=0, le=1)] | None = None

    @property
    def licence_class(self) -> LicenceClass:
        """The class of the licence; a column of the table too, always derived from the text."""
        return classify(self.licence)

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that `rolecall loops list` prints."""
        listed = {name: list(getattr(self, name)) for name in ("roles", "unknown_roles", "flags")}
        return {**asdict(self), **listed, "licence_class": self.licence_class.value, "extra": json.loads(self.extra)}


SCHEMA: Final = pa.schema(
    [
        pa.field("loop_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("duration_s", pa.float64(), nullable=False),
        pa.field("roles", pa.list_(pa.string()), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("unknown_roles", pa.list_(pa.string()), nullable=False),
        pa.field("bpm", pa.float64()),
        pa.field("bpm_source", pa.string()),
        pa.field("bars", pa.float64()),
        pa.field("key", pa.string()),
        pa.field("mode", pa.string()),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("author", pa.string()),
        pa.field("url", pa.string()),
        pa.field("annotators", pa.int32()),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("extra", pa.string(), nullable=False),
        pa.field("roles_source", pa.string()),
        pa.field("key_source", pa.string()),
        pa.field("audio_digest", pa.string()),
        pa.field("key_confidence", pa.float64()),
        pa.field("licence_class", pa.string(), nullable=False),
    ],
    metadata={"rolecall.table": "loops", "rolecall.schema_version": str(SCHEMA_VERSION)},
)


class LoopError(ValueError):
    """A record that may not enter the table; the message names the row, its field and what is wrong with it."""


_ROW: Final = TypeAdapter(Loop)


def check_loop(loop: Loop) -> Loop:
    """The loop, if it may enter the table: the one place where what a manifest, an API or people say is checked.

    Raises LoopError naming its source, its file and the first field that is wrong.
    """
    where = f"{loop.source}: {loop.path}"
    try:
        _ROW.validate_python(vars(loop))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise LoopError(f"{where}: {field} is {first['input']!r:.80}: {first['msg']}") from None
    if set(loop.roles) & set(loop.unknown_roles):
        raise LoopError(f"{where}: unknown_roles has a role that is known to sound")
    try:
        kept = json.loads(loop.extra)
    except ValueError:
        kept = None
    if not isinstance(kept, dict):
        raise LoopError(f"{where}: extra is no JSON object")
    return loop


def write_loops(path: Path, loops: Iterable[Loop]) -> None:
    """Replace the table at `path` by `loops`, ordered by id, whole or not at all; raises LoopError on a wrong one."""
    rows = [
        {**asdict(check_loop(loop)), "licence_class": loop.licence_class.value}
        for loop in sorted(loops, key=lambda loop: loop.loop_id)
    ]
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), temporary, compression="zstd")


def read_loops(path: Path) -> list[Loop]:
    """All loops of the table at `path`; none if there is no table yet. Raises UserError on a newer schema."""
    if not path.exists():
        return []
    table = pq.read_table(path)
    version = int((table.schema.metadata or {}).get(b"rolecall.schema_version", b"0"))
    if version > SCHEMA_VERSION:
        raise UserError(f"{path} has schema version {version}, this rolecall knows {SCHEMA_VERSION}; upgrade rolecall")
    return [_loop(row) for row in table.to_pylist()]


def _loop(row: dict[str, Any]) -> Loop:
    # Columns that a table of an older schema lacks keep their defaults.
    given = {field.name: row[field.name] for field in fields(Loop) if field.name in row}
    return Loop(**{**given, **{name: tuple(row[name]) for name in ("roles", "unknown_roles", "flags")}})
