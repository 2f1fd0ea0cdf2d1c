"""What programs for Windows write into WAVs: ACID's loop chunk, sampler and instrument chunks, markers of a tempo."""

import re
import struct
from typing import Final

from storage.vocabulary import BpmSource, KeySource, Kind
from tasks.metadata.chunks import Chunks
from tasks.metadata.key_names import TONICS
from tasks.metadata.loop_info import LoopInfo
from tasks.metadata.tempo_text import is_tempo

WAV_CHUNKS: Final = frozenset({b"acid", b"smpl", b"inst", b"fmt ", b"LIST"})
AIFF_SAMPLER_CHUNKS: Final = frozenset({b"INST", b"MARK"})

_ONE_SHOT, _HAS_ROOT = 0x01, 0x02
_MIDDLE_C: Final = 60
"""The note that most programs write where nobody chose one."""

_TEMPO_MARKER: Final = re.compile(rb"Tempo: ?(\d{2,3}(?:\.\d{1,6})?)(?![\d.])")
_WHOLE_FILE: Final = 0.98


def acid_info(chunks: Chunks) -> LoopInfo | None:
    """ACID's chunk: flags, root note, number of beats, metre and tempo, as libsndfile and ExifTool document it.

    The root note counts only if its flag says that it was set; it is a note, so it tells no mode.
    """
    body = chunks.first(b"acid", 24)
    if body is None:
        return None
    flags, root, beats, bpm = struct.unpack_from(f"{chunks.order}IH6xI4xf", body)
    key = TONICS[root % 12] if flags & _HAS_ROOT and 0 < root < 128 else None
    if flags & _ONE_SHOT:
        return LoopInfo(BpmSource.ACID, Kind.ONESHOT, key=key)
    said = is_tempo(bpm)
    # An empty chunk has the flags of a loop too, so the flag alone makes none.
    kind = Kind.LOOP if said or beats else None
    return LoopInfo(BpmSource.ACID, kind, round(bpm, 3) if said else None, float(beats) or None, key)


def sampler_info(chunks: Chunks) -> LoopInfo | None:
    """What samplers read: the note at which a sample plays as it is, and whether all of it goes round.

    From `smpl` or `inst` of a WAV (RIFF MCI 1994) or `INST` of an AIFF (AIFF 1.3). Middle C stands there when nobody
    chose a note, so it tells nothing. A loop over a part of the file holds a note of an instrument; it tells nothing.
    """
    root = _root_note(chunks)
    key = TONICS[root % 12] if root is not None and 0 < root < 128 and root != _MIDDLE_C else None
    kind = Kind.LOOP if _goes_round(chunks) else None
    return LoopInfo(KeySource.SAMPLER, kind, key=key) if key or kind else None


def marker_info(chunks: Chunks) -> LoopInfo | None:
    """The tempo of the project that a file was bounced from: Logic writes it as the name of a marker, `Tempo: 98.0`."""
    markers = chunks.bodies.get(b"MARK", []) + [b for b in chunks.bodies.get(b"LIST", []) if b[:4] == b"adtl"]
    tempi = {float(number) for body in markers for number in _TEMPO_MARKER.findall(body)}
    bpm = tempi.pop() if len(tempi) == 1 else None
    return LoopInfo(BpmSource.MARKER, bpm=bpm) if bpm is not None and is_tempo(bpm) else None


def _root_note(chunks: Chunks) -> int | None:
    if sampler := chunks.first(b"smpl", 36):
        return int(struct.unpack_from(f"{chunks.order}12xI", sampler)[0])
    instrument = chunks.first(b"inst", 7) or chunks.first(b"INST", 20)
    return instrument[0] if instrument else None


def _goes_round(chunks: Chunks) -> bool:
    """Whether the only loop of a WAV's `smpl` chunk runs from its start to its end."""
    sampler, form = chunks.first(b"smpl", 60), chunks.first(b"fmt ", 16)
    if sampler is None or form is None:
        return False
    loops, start, end = struct.unpack_from(f"{chunks.order}28xI12xII", sampler)
    frame_bytes = struct.unpack_from(f"{chunks.order}12xH", form)[0]
    frames = chunks.sizes.get(b"data", 0) // max(1, frame_bytes)
    return bool(loops == 1 and frames and start <= frames * (1 - _WHOLE_FILE) and end + 1 >= frames * _WHOLE_FILE)
