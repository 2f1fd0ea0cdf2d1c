"""Ogg (RFC 3533): the streams in a file, one after the other or side by side, and whether the last one is whole."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Final, NamedTuple

from tasks.audio.containers.byte_ranges import bytes_at
from tasks.audio.containers.flac import FRAME_HEADER_BYTES, corrected, promised_frames
from tasks.audio.containers.flac import HEADER_BYTES as FLAC_HEADER_BYTES
from tasks.audio.containers.spliced import Piece, Span
from tasks.audio.containers.streams import Layout, Stream

_CAPTURE: Final = b"OggS"
_HEADER_BYTES: Final = 27
_LONGEST_HEADER: Final = _HEADER_BYTES + 255
_WINDOW: Final = 1 << 20
_FIRST, _LAST = 2, 4
_FLAC: Final = b"\x7fFLAC"
_FLAC_PREFIX: Final = 9
"""Bytes before the native stream in the first packet of FLAC: its mark, two bytes of version, the number of headers."""

_CODECS: Final = (b"\x01vorbis", b"OpusHead", _FLAC)
"""How the first packet of a stream begins that is decoded here."""


class _Page(NamedTuple):
    """A page: where it lies, where its body begins, its flags and the stream that it belongs to."""

    start: int
    body: int
    stop: int
    flags: int
    serial: int


@dataclass
class _Link:
    """Streams that begin together: the first bytes of each by its serial number, and all pages."""

    heads: dict[int, bytes] = field(default_factory=dict)
    pages: list[_Page] = field(default_factory=list)

    def audio(self) -> int | None:
        """The serial number of the first stream whose codec is known."""
        return next((serial for serial, head in self.heads.items() if head.startswith(_CODECS)), None)


def ogg_layout(file: BinaryIO, start: int, stop: int) -> Layout | None:
    """The audio of an Ogg file; None where no codec is known that is decoded here."""
    streams = []
    links = _links(file, start, stop)
    for link in links:
        serial = link.audio()
        if serial is None:
            return None
        pages = [page for page in link.pages if page.serial == serial]
        streams.append(_native_flac(file, pages) if link.heads[serial].startswith(_FLAC) else _joined(pages))
    if not links:
        return None
    if streams == [Stream(((Span(0, pages[-1].stop),),))]:
        streams = [Stream()]
    whole = pages[-1].flags & _LAST and pages[-1].stop <= stop
    return Layout(tuple(streams), None if whole else "the last page of the Ogg stream is missing")


def _links(file: BinaryIO, start: int, stop: int) -> list[_Link]:
    """The links of a chain: a new one begins with a first page behind pages that are not."""
    links: list[_Link] = []
    for page in _pages(file, start, stop):
        if page.flags & _FIRST:
            if not links or not links[-1].pages[-1].flags & _FIRST:
                links.append(_Link())
            links[-1].heads[page.serial] = bytes_at(file, page.body, 8)
        if links:
            links[-1].pages.append(page)
    return links


def _pages(file: BinaryIO, start: int, stop: int) -> Iterator[_Page]:
    place, base, window = start, start, b""
    while place < stop:
        if place + _LONGEST_HEADER > base + len(window):
            base = place
            file.seek(base)
            window = file.read(min(_WINDOW, stop - base))
        inside = place - base
        if window[inside : inside + 4] != _CAPTURE:
            following = window.find(_CAPTURE, inside + 1)
            place = base + (following if following >= 0 else max(inside + 1, len(window) - 3))
            continue
        if inside + _HEADER_BYTES > len(window):
            return
        flags, segments = window[inside + 5], window[inside + 26]
        serial = struct.unpack_from("<I", window, inside + 14)[0]
        body = place + _HEADER_BYTES + segments
        end = body + sum(window[inside + _HEADER_BYTES : inside + _HEADER_BYTES + segments])
        yield _Page(place, body, end, flags, serial)
        place = end


def _joined(pages: list[_Page]) -> Stream:
    """The pages of one stream without those of others."""
    spans: list[Span] = []
    for page in pages:
        if spans and spans[-1].stop == page.start:
            spans[-1] = Span(spans[-1].start, page.stop)
        else:
            spans.append(Span(page.start, page.stop))
    return Stream((tuple(spans),))


def _native_flac(file: BinaryIO, pages: list[_Page]) -> Stream:
    """The packets of a FLAC stream without the pages around them, which is FLAC as it is without Ogg."""
    first = Span(pages[0].body + _FLAC_PREFIX, pages[0].stop)
    bodies: list[Piece] = [Span(page.body, page.stop) for page in pages[1:]]
    header = bytes_at(file, first.start, min(FLAC_HEADER_BYTES, first.stop - first.start))
    if len(header) < FLAC_HEADER_BYTES:
        return Stream(((first, *bodies),))
    heads = (bytes_at(file, page.body, FRAME_HEADER_BYTES) for page in pages[1:])
    first_frame = next((head for head in heads if head[:1] == b"\xff"), b"")
    rest = Span(first.start + FLAC_HEADER_BYTES, first.stop)
    return Stream(((corrected(header, first_frame), rest, *bodies),), promised=promised_frames(header))
