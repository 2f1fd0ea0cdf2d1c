"""What kind of file the first bytes tell, whatever its name says, and how its audio is laid out."""

import os
from collections.abc import Callable
from typing import BinaryIO, Final

from tasks.audio.containers.chunks import aiff_layout, au_layout, caf_layout, mp4_layout, w64_layout, wave_layout
from tasks.audio.containers.flac import flac_layout
from tasks.audio.containers.mpeg import mpeg_layout
from tasks.audio.containers.ogg import ogg_layout
from tasks.audio.containers.streams import Layout
from tasks.audio.containers.tag_borders import after_leading_tags

Reading = Callable[[BinaryIO, int, int], Layout | None]

_BY_FIRST_BYTES: Final[dict[bytes, Reading]] = {
    b"RIFF": wave_layout,
    b"RIFX": wave_layout,
    b"RF64": wave_layout,
    b"BW64": wave_layout,
    b"riff": w64_layout,
    b"FORM": aiff_layout,
    b"caff": caf_layout,
    b".snd": au_layout,
    b"dns.": au_layout,
    b"fLaC": flac_layout,
    b"OggS": ogg_layout,
}
_FORMS: Final = (b"WAVE", b"AIFF", b"AIFC")
_ASF, _MATROSKA, _ADTS = b"\x30\x26\xb2\x75", b"\x1a\x45\xdf\xa3", (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
_FOREIGN: Final = (_ASF, _MATROSKA, *_ADTS, b"wvpk", b"MAC ", b"TTA1", b"MPCK", b"MP+", b"ADIF", b"#!AMR", b".RMF")
_MP4_BOXES: Final = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")


def read_layout(file: BinaryIO) -> Layout | None:
    """How the audio of a file is laid out; None where only a decoder can tell. `file` must be unbuffered."""
    stop = file.seek(0, os.SEEK_END)
    start = after_leading_tags(file)
    head = _head(file, start)
    reading = _BY_FIRST_BYTES.get(head[:4])
    if reading is not None and (head[:4] not in (b"RIFF", b"RIFX", b"FORM") or head[8:12] in _FORMS):
        return reading(file, start, stop)
    if head[4:8] == b"ftyp":
        return mp4_layout(file, start, stop)
    return None if is_foreign(file) else mpeg_layout(file, 0, stop)


def is_foreign(file: BinaryIO) -> bool:
    """Whether the first bytes are those of a format that only FFmpeg decodes."""
    head = _head(file, after_leading_tags(file))
    return head.startswith(_FOREIGN) or head[4:8] in _MP4_BOXES


def _head(file: BinaryIO, start: int) -> bytes:
    file.seek(start)
    return file.read(12)
