"""Where the tags of a file end and begin: ID3v2 in front of the audio; ID3v1, Lyrics3, APEv2 and ID3v2 behind it."""

from typing import BinaryIO, Final

from tasks.audio.containers.byte_ranges import bytes_at

ID3V1_BYTES: Final = 128
_ID3V1_PLUS_BYTES: Final = 227
_ID3V2_HEADER: Final = 10
_APE_FOOTER: Final = 32
_LYRICS_FOOTER: Final = 15


def after_leading_tags(file: BinaryIO, place: int = 0) -> int:
    """The place behind all ID3v2 tags that follow each other from `place` on."""
    while (size := id3v2_bytes(bytes_at(file, place, _ID3V2_HEADER))) > 0:
        place += size
    return place


def before_trailing_tags(file: BinaryIO, start: int, stop: int) -> int:
    """The place where the tags at the end of `start` to `stop` begin, whatever their order is."""
    while (size := _trailing_tag(file, stop)) > 0 and stop - size >= start:
        stop -= size
    return stop


def id3v2_bytes(header: bytes) -> int:
    """The length of the ID3v2 tag that begins with `header`, with header and footer; 0 if none does."""
    if len(header) < _ID3V2_HEADER or header[:3] != b"ID3":
        return 0
    return _ID3V2_HEADER + _syncsafe(header[6:10]) + (_ID3V2_HEADER if header[5] & 0x10 else 0)


def _trailing_tag(file: BinaryIO, stop: int) -> int:
    """The length of the tag that ends at `stop`, 0 if none does."""
    tail = bytes_at(file, max(0, stop - ID3V1_BYTES), min(stop, ID3V1_BYTES))
    if tail[:3] == b"TAG":
        plus = bytes_at(file, max(0, stop - ID3V1_BYTES - _ID3V1_PLUS_BYTES), 4) == b"TAG+"
        return ID3V1_BYTES + (_ID3V1_PLUS_BYTES if plus else 0)
    ape = tail[-_APE_FOOTER:]
    if ape[:8] == b"APETAGEX":
        has_header = ape[23] & 0x80
        return int.from_bytes(ape[12:16], "little") + (_APE_FOOTER if has_header else 0)
    lyrics = tail[-_LYRICS_FOOTER:]
    if lyrics[6:] == b"LYRICS200" and lyrics[:6].isdigit():
        return int(lyrics[:6]) + _LYRICS_FOOTER
    id3v2 = tail[-_ID3V2_HEADER:]
    if id3v2[:3] == b"3DI":
        return _ID3V2_HEADER + _syncsafe(id3v2[6:10]) + _ID3V2_HEADER
    return 0


def _syncsafe(four: bytes) -> int:
    return (four[0] << 21) | (four[1] << 14) | (four[2] << 7) | four[3]
