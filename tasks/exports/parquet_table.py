"""Parquet: a folder that table readers open as one table, partitioned by kind, with the maps as nested lists."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from storage.published.track_labels import TrackLabels
from storage.vocabulary import ROLES

_GROUP: Final = 2000
"""Tracks in a row group."""

_TEXT, _NUMBER, _COUNT = pa.string(), pa.float64(), pa.int32()
_PLACE: Final = {"start_bar": _COUNT, "end_bar": _COUNT, "start_s": _NUMBER, "end_s": _NUMBER}
_ROLE_NUMBERS: Final = dict.fromkeys(ROLES, pa.float32())


def _rows_of(columns: dict[str, pa.DataType]) -> pa.DataType:
    return pa.list_(pa.struct(list(columns.items())))


SCHEMA: Final = pa.schema(
    {
        "track_id": pa.int64(),
        "path": _TEXT,
        "content_hash": _TEXT,
        "audio_hash": _TEXT,
        "duration_s": _NUMBER,
        "bpm": _NUMBER,
        "bpm_source": _TEXT,
        "bpm_confidence": _NUMBER,
        "bpm_alternative": _NUMBER,
        "bpm_locked": pa.bool_(),
        "first_downbeat_s": _NUMBER,
        "key": _TEXT,
        "mode": _TEXT,
        "key_source": _TEXT,
        "key_confidence": _NUMBER,
        "status": _TEXT,
        "labelled_at": pa.timestamp("us", tz="UTC"),
        "bpm_drift": _NUMBER,
        "roles": pa.list_(_TEXT),
        "unsure": pa.list_(_TEXT),
        **_ROLE_NUMBERS,
        "segments": _rows_of({"segment": _COUNT, **_PLACE, **_ROLE_NUMBERS}),
        "role_spans": _rows_of({"role": _TEXT, **_PLACE}),
        "sections": _rows_of({"section": _COUNT, "label": _TEXT, "confidence": _NUMBER, **_PLACE}),
    },
    metadata={"rolecall.table": "tracks", "rolecall.schema_version": "1"},
)
"""The columns of a file; `kind` is in the names of the folders."""


def write_parquet(tracks: Iterable[TrackLabels], target: Path) -> None:
    """A file `kind=…/part-0.parquet` for each kind that there is."""
    waiting: dict[str, list[dict[str, Any]]] = defaultdict(list)
    writers: dict[str, pq.ParquetWriter] = {}
    with ExitStack() as files:

        def write(kind: str) -> None:
            if kind not in writers:
                folder = target / f"kind={kind}"
                folder.mkdir()
                writers[kind] = files.enter_context(
                    pq.ParquetWriter(folder / "part-0.parquet", SCHEMA, compression="zstd")
                )
            writers[kind].write_table(pa.Table.from_pylist(waiting.pop(kind), SCHEMA))

        for track in tracks:
            waiting[track.facts.kind].append(_row(track))
            if len(waiting[track.facts.kind]) == _GROUP:
                write(track.facts.kind)
        for kind in list(waiting):
            write(kind)


def _row(track: TrackLabels) -> dict[str, Any]:
    said = {label.role: label.probability for label in track.roles}
    segments = [segment._asdict() | dict(zip(ROLES, segment.activations, strict=True)) for segment in track.segments]
    spans, sections = ([one._asdict() for one in rows] for rows in (track.role_spans, track.sections))
    lists = {"roles": track.active_roles, "unsure": track.unsure_roles}
    return track.facts._asdict() | said | lists | {"segments": segments, "role_spans": spans, "sections": sections}
