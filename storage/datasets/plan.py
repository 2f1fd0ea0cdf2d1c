"""The plan of a data set, `plan.parquet`: one row per mix, with all that is needed to render it again."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from storage.files import atomic_path

SCHEMA_VERSION: Final = 2


@dataclass(frozen=True)
class Voice:
    """One loop inside a mix: speed as a factor of its own tempo, transposition in semitones, gain in dB.

    The gain is over equal loudness; the mix begins `offset_beats` into the loop.
    """

    loop_id: str
    role: str
    speed: float
    semitones: int
    gain_db: float
    offset_beats: int = 0


@dataclass(frozen=True)
class Effect:
    """One change to a whole mix: its kind, and its parameters by name, as `tasks.datasets.effects` defines them."""

    kind: str
    parameters: dict[str, float]


@dataclass(frozen=True)
class Mix:
    """Four bars of up to six voices at one tempo; `key` and `mode` are None where no voice names a key.

    `kind` is `mix` where the loops were sampled, `loop` for one loop of one role by itself, `cut` for one of several
    roles, as it was composed, or of roles that nobody knows, `oneshot` for a single hit or note. `unknown_roles` may
    sound or not. `effects` are applied in their order.
    """

    mix_id: str
    split: str
    bpm: float
    key: str | None
    mode: str | None
    roles: tuple[str, ...]
    voices: tuple[Voice, ...]
    unknown_roles: tuple[str, ...] = ()
    effects: tuple[Effect, ...] = ()

    @property
    def kind(self) -> str:
        """Mix, loop, cut or oneshot: the first word of its id."""
        return self.mix_id.split("-", 1)[0]


_VOICE: Final = pa.struct(
    [
        pa.field("loop_id", pa.string(), nullable=False),
        pa.field("role", pa.string(), nullable=False),
        pa.field("speed", pa.float64(), nullable=False),
        pa.field("semitones", pa.int8(), nullable=False),
        pa.field("gain_db", pa.float64(), nullable=False),
        pa.field("offset_beats", pa.int32(), nullable=False),
    ]
)

_EFFECT: Final = pa.struct(
    [
        pa.field("kind", pa.string(), nullable=False),
        pa.field("parameters", pa.map_(pa.string(), pa.float64()), nullable=False),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("mix_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("bpm", pa.float64(), nullable=False),
        pa.field("key", pa.string()),
        pa.field("mode", pa.string()),
        pa.field("roles", pa.list_(pa.string()), nullable=False),
        pa.field("voices", pa.list_(_VOICE), nullable=False),
        pa.field("unknown_roles", pa.list_(pa.string()), nullable=False),
        pa.field("effects", pa.list_(_EFFECT), nullable=False),
    ],
    metadata={"rolecall.table": "plan", "rolecall.schema_version": str(SCHEMA_VERSION)},
)


def write_plan(path: Path, mixes: Sequence[Mix]) -> None:
    """Write the plan, whole or not at all."""
    with atomic_path(path) as temporary:
        pq.write_table(pa.Table.from_pylist([asdict(mix) for mix in mixes], schema=SCHEMA), temporary)


def read_plan(path: Path) -> list[Mix]:
    """Read back what `write_plan` wrote, in its order."""
    return [
        Mix(
            **{
                **row,
                "roles": tuple(row["roles"]),
                "unknown_roles": tuple(row["unknown_roles"]),
                "voices": tuple(Voice(**voice) for voice in row["voices"]),
                "effects": tuple(Effect(one["kind"], dict(one["parameters"])) for one in row["effects"]),
            }
        )
        for row in pq.read_table(path).to_pylist()
    ]


def plan_digest(mixes: Sequence[Mix]) -> str:
    """SHA-256 over the rows themselves, so that it does not depend on how Parquet encodes them."""
    digest = hashlib.sha256()
    for mix in mixes:
        digest.update(json.dumps(asdict(mix), sort_keys=True).encode())
    return digest.hexdigest()
