"""Label parts: the labels of a batch of files as one Parquet file, written once and whole by a worker."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from storage.bar_lines import BarLines, Bars
from storage.files import atomic_path
from storage.vocabulary import ROLES, BpmSource, Kind, Reason, SectionLabel, Status

SCHEMA_VERSION: Final = 4


@dataclass(frozen=True)
class Segment:
    """A stretch of a file: `segment` from 0 (-1 before the first downbeat), bars from 1 with the last included.

    `activations` has one probability per role, in the order of `ROLES`; times in seconds.
    """

    segment: int
    start_bar: int
    end_bar: int
    start_s: float
    end_s: float
    activations: tuple[float, ...]


@dataclass(frozen=True)
class Bar:
    """A bar of a track: its number, its level in dB under the loudest quarter, one raw activation per role."""

    bar: int
    level_db: float
    activations: tuple[float, ...]


@dataclass(frozen=True)
class RoleSpan:
    """A stretch of bars in which a role sounds, from the bar where it comes in to the last one."""

    role: str
    start_bar: int
    end_bar: int


@dataclass(frozen=True)
class Section:
    """A run of bars with one meaning, how likely its label is, and how likely it begins within a bar of where it does.

    Labels from before that was known have no `border_confidence`.
    """

    section: int
    label: SectionLabel
    confidence: float
    start_bar: int
    end_bar: int
    border_confidence: float | None = None


@dataclass(frozen=True)
class LabelOutcome:
    """The outcome of one file: its labels, or the stage, reason and message of the error.

    `audio_hash` is of the decoded sound (`tasks.audio.decoding.audio_digest`): a new tag, or another lossless
    container, changes the bytes of a file and not this. `content_hash` and `bytes_read` are the SHA-256 and number of
    the bytes of what was read from a URL. `bpm_drift` and `bar_lines` are those of a track whose tempo drifts.
    """

    label_key: str
    path: str
    model_id: str
    status: Status
    kind: Kind | None = None
    duration_s: float | None = None
    audio_hash: str | None = None
    bpm: float | None = None
    bpm_source: BpmSource | None = None
    bpm_confidence: float | None = None
    bpm_alternative: float | None = None
    half_time: bool | None = None
    first_downbeat_s: float | None = None
    bpm_drift: float | None = None
    bar_lines: BarLines | None = None
    key: str | None = None
    mode: str | None = None
    key_source: str | None = None
    key_confidence: float | None = None
    probabilities: tuple[float, ...] | None = None
    segments: tuple[Segment, ...] = ()
    bars: tuple[Bar, ...] = ()
    role_spans: tuple[RoleSpan, ...] = ()
    sections: tuple[Section, ...] = ()
    stage: str | None = None
    reason: Reason | None = None
    message: str | None = None
    content_hash: str | None = None
    bytes_read: int | None = None

    @property
    def grid_bars(self) -> Bars | None:
        """When its bars begin; None without a tempo."""
        return None if self.bpm is None else Bars(self.bpm, self.first_downbeat_s or 0.0, self.bar_lines)

    @property
    def retryable(self) -> bool | None:
        """Whether another attempt may end differently; None for a file that was labelled."""
        return None if self.reason is None else self.reason.retryable


_PROBABILITIES: Final = pa.list_(pa.float32(), len(ROLES))

_SEGMENT: Final = pa.struct(
    [
        pa.field("segment", pa.int32(), nullable=False),
        pa.field("start_bar", pa.int32(), nullable=False),
        pa.field("end_bar", pa.int32(), nullable=False),
        pa.field("start_s", pa.float64(), nullable=False),
        pa.field("end_s", pa.float64(), nullable=False),
        pa.field("activations", _PROBABILITIES, nullable=False),
    ]
)

_BAR: Final = pa.struct(
    [
        pa.field("bar", pa.int32(), nullable=False),
        pa.field("level_db", pa.float32(), nullable=False),
        pa.field("activations", _PROBABILITIES, nullable=False),
    ]
)

_ROLE_SPAN: Final = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("start_bar", pa.int32(), nullable=False),
        pa.field("end_bar", pa.int32(), nullable=False),
    ]
)

_SECTION: Final = pa.struct(
    [
        pa.field("section", pa.int32(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("confidence", pa.float64(), nullable=False),
        pa.field("start_bar", pa.int32(), nullable=False),
        pa.field("end_bar", pa.int32(), nullable=False),
        pa.field("border_confidence", pa.float64()),
    ]
)

_BAR_LINES: Final = pa.struct(
    [
        pa.field("first_bar", pa.int32(), nullable=False),
        pa.field("times_s", pa.list_(pa.float64()), nullable=False),
    ]
)

SCHEMA: Final = pa.schema(
    [
        pa.field("label_key", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("model_id", pa.string(), nullable=False),
        pa.field("status", pa.string(), nullable=False),
        pa.field("kind", pa.string()),
        pa.field("duration_s", pa.float64()),
        pa.field("audio_hash", pa.string()),
        pa.field("bpm", pa.float64()),
        pa.field("bpm_source", pa.string()),
        pa.field("bpm_confidence", pa.float64()),
        pa.field("bpm_alternative", pa.float64()),
        pa.field("half_time", pa.bool_()),
        pa.field("first_downbeat_s", pa.float64()),
        pa.field("bpm_drift", pa.float64()),
        pa.field("bar_lines", _BAR_LINES),
        pa.field("key", pa.string()),
        pa.field("mode", pa.string()),
        pa.field("key_source", pa.string()),
        pa.field("key_confidence", pa.float64()),
        pa.field("probabilities", _PROBABILITIES),
        pa.field("segments", pa.list_(_SEGMENT), nullable=False),
        pa.field("bars", pa.list_(_BAR), nullable=False),
        # The name that parts of earlier versions have; archives keep parts for good.
        pa.field("stays", pa.list_(_ROLE_SPAN), nullable=False),
        pa.field("sections", pa.list_(_SECTION), nullable=False),
        pa.field("stage", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("message", pa.string()),
        pa.field("retryable", pa.bool_()),
        pa.field("content_hash", pa.string()),
        pa.field("bytes_read", pa.int64()),
    ],
    metadata={
        "rolecall.table": "labels",
        "rolecall.schema_version": str(SCHEMA_VERSION),
        "rolecall.roles": ",".join(ROLES),
    },
)


def write_part(path: Path, outcomes: Sequence[LabelOutcome]) -> None:
    """Write one part; readers see it whole or not at all."""
    with atomic_path(path) as temporary:
        pq.write_table(_table(outcomes), temporary, compression="zstd")


def part_bytes(outcomes: Sequence[LabelOutcome]) -> bytes:
    """The bytes of the file that `write_part` writes, for sending."""
    sink = pa.BufferOutputStream()
    pq.write_table(_table(outcomes), sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def _table(outcomes: Sequence[LabelOutcome]) -> pa.Table:
    return pa.Table.from_pylist([_row(outcome) for outcome in outcomes], schema=SCHEMA)


def _row(outcome: LabelOutcome) -> dict[str, Any]:
    spans = [vars(one) for one in outcome.role_spans]
    rows = {name: [vars(one) for one in getattr(outcome, name)] for name in ("segments", "bars", "sections")}
    lines = None if outcome.bar_lines is None else vars(outcome.bar_lines)
    return {**vars(outcome), **rows, "stays": spans, "bar_lines": lines, "retryable": outcome.retryable}


def read_reasons(path: Path) -> list[str | None]:
    """Why each outcome of a part failed; None for a file that was labelled."""
    reasons: list[str | None] = pq.read_table(path, columns=["reason"])["reason"].to_pylist()
    return reasons


def read_audio_s(path: Path) -> float:
    """How many seconds of audio a part has labels of."""
    return float(pc.sum(pq.read_table(path, columns=["duration_s"])["duration_s"]).as_py() or 0.0)
