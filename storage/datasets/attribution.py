"""Credits of the loops in each mix, `attribution.parquet`: one row per mix, with author and licence."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from storage.files import atomic_path

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True)
class Credit:
    """A sound, its author and its licence, each with its address where there is one, under Freesound's own names.

    `modifications` are sentences on what was done to the sound; none for a sound as it came.
    """

    sound_url: str | None
    sound_name: str
    author_url: str | None
    author_name: str | None
    license_url: str | None
    license_name: str
    modifications: tuple[str, ...] = ()


@dataclass(frozen=True)
class MixCredits:
    """The credits of one mix; `licence_class` is the class of the strictest of its licences."""

    mix_id: str
    licence_class: str
    sources: tuple[Credit, ...]


_CREDIT: Final = pa.struct(
    [
        pa.field("sound_url", pa.string()),
        pa.field("sound_name", pa.string(), nullable=False),
        pa.field("author_url", pa.string()),
        pa.field("author_name", pa.string()),
        pa.field("license_url", pa.string()),
        pa.field("license_name", pa.string(), nullable=False),
        pa.field("modifications", pa.list_(pa.string()), nullable=False),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("mix_id", pa.string(), nullable=False),
        pa.field("licence_class", pa.string(), nullable=False),
        pa.field("sources", pa.list_(_CREDIT), nullable=False),
    ],
    metadata={"rolecall.table": "attribution", "rolecall.schema_version": str(SCHEMA_VERSION)},
)


def write_mix_credits(path: Path, mixes: Iterable[MixCredits]) -> None:
    """Write the credits of some mixes, whole or not at all."""
    with atomic_path(path) as temporary:
        table = pa.Table.from_pylist([asdict(mix) for mix in mixes], schema=SCHEMA)
        pq.write_table(table, temporary, compression="zstd")


def read_mix_credits(path: Path) -> list[MixCredits]:
    """Read back what `write_mix_credits` wrote, in its order."""
    return [
        MixCredits(
            **{
                **row,
                "sources": tuple(
                    Credit(**{**source, "modifications": tuple(source["modifications"])}) for source in row["sources"]
                ),
            }
        )
        for row in pq.read_table(path).to_pylist()
    ]
