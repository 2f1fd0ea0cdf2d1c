"""Apple Loops: what GarageBand, Logic and the Apple Loops Utility write into AIFF and CAF files.

The chunks are not documented by Apple. What is read is what several public readers of them agree on (libsndfile, two
readers of AIFF and CAF, and a file that Logic wrote): beats, key, scale, metre, categories and descriptors.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from typing import Final

from storage.vocabulary import ROLES, BpmSource, Kind
from tasks.metadata.chunks import Chunks
from tasks.metadata.file_names import roles_in_name
from tasks.metadata.key_names import TONICS, parse_key
from tasks.metadata.loop_info import LoopInfo
from tasks.metadata.tempo_text import parse_bpm

AIFF_CHUNKS: Final = frozenset({b"basc", b"cate"})
CAF_CHUNKS: Final = frozenset({b"uuid", b"info"})

_CAF_LOOP: Final = bytes.fromhex("29819273b5bf4aefb78d62d1ef90bb2c")
"""Who owns the `uuid` chunk of a CAF in which an Apple Loop's words stand."""

_ONE_SHOT: Final = 1
_SCALES: Final = {1: "minor", 2: "major"}
"""3 is neither, 4 both."""

_NAME_BYTES, _NAMES, _COUNT_AT, _DESCRIPTORS_AT = 50, (4, 54), 220, 222

_CATEGORIES: Final = {
    "drums": "percussion", "percussion": "percussion", "bass": "bass", "vocals": "vocal", "fx": "fx",
    "sound effect": "fx", "sound effects": "fx",
}  # fmt: skip
"""Apple's categories that are a role; an instrument such as a guitar may have several."""


def apple_loop_info(chunks: Chunks) -> LoopInfo | None:
    """What an Apple Loop says of itself; None of a file that is none."""
    return _of_aiff(chunks) if chunks.format == "aiff" else _of_caf(chunks) if chunks.format == "caf" else None


def caf_strings(body: bytes) -> dict[str, str]:
    """The names and texts of a CAF's `info` chunk, and of an Apple Loop's own, with the names in small letters."""
    texts = [part.decode("utf-8", "replace").strip() for part in body[4:].split(b"\0")]
    return {name.lower(): text for name, text in zip(texts[::2], texts[1::2], strict=False) if name}


def _of_aiff(chunks: Chunks) -> LoopInfo | None:
    words = tuple(_categories(chunks.first(b"cate", _COUNT_AT) or b""))
    body = chunks.first(b"basc", 18)
    if body is None:
        return LoopInfo(BpmSource.APPLE_LOOP, roles=_roles(words)) if words else None
    beats, root, scale, denominator, kind = struct.unpack_from(">4xIHH2xHH", body)
    return _info(
        beats=_quarters(beats, denominator),
        one_shot=kind == _ONE_SHOT or beats == 0,
        key=TONICS[root % 12] if 0 < root < 128 else None,
        mode=_SCALES.get(scale),
        words=words,
    )


def _of_caf(chunks: Chunks) -> LoopInfo | None:
    said: dict[str, str] = {}
    for body in chunks.bodies.get(b"uuid", []):
        if body[:16] == _CAF_LOOP:
            said |= caf_strings(body[16:])
    if not said:
        return None
    beats, metre = said.get("beat count", ""), said.get("time signature", "")
    denominator = re.fullmatch(r"\d{1,2}/(\d{1,2})", metre)
    key, mode = parse_key(f"{said.get('key signature', '')} {said.get('key type', '')}")
    if key is None:
        key, mode = parse_key(said.get("key signature", ""))
    words = [said.get(name, "") for name in ("category", "subcategory")] + said.get("descriptors", "").split(",")
    return _info(
        beats=_quarters(int(beats), int(denominator[1]) if denominator else 4) if beats.isdecimal() else None,
        one_shot=beats.isdecimal() and int(beats) == 0,
        key=key,
        mode=mode,
        words=words,
        bpm=parse_bpm(said.get("tempo", "")),
    )


def _info(
    *,
    beats: float | None,
    one_shot: bool,
    key: str | None,
    mode: str | None,
    words: Iterable[str],
    bpm: float | None = None,
) -> LoopInfo:
    kind = Kind.ONESHOT if one_shot else Kind.LOOP if beats or bpm else None
    return LoopInfo(
        BpmSource.APPLE_LOOP,
        kind,
        bpm,
        None if one_shot else beats,
        key,
        mode if key else None,
        _roles(words),
    )


def _quarters(beats: int, denominator: int) -> float:
    """Beats of a metre as quarter notes: two eighths are one."""
    return beats * 4 / denominator if denominator in (2, 4, 8, 16) else float(beats)


def _categories(body: bytes) -> Iterator[str]:
    """The words of a `cate` chunk: category, subcategory and descriptors, each in a field of fifty bytes.

    A field ends at its first zero; what stands behind that is left over from other things in memory.
    """
    if not body:
        return
    places = list(_NAMES)
    count = struct.unpack_from(">H", body, _COUNT_AT)[0] if len(body) >= _DESCRIPTORS_AT else 0
    places += [_DESCRIPTORS_AT + _NAME_BYTES * number for number in range(min(count, 64))]
    for place in places:
        text = body[place : place + _NAME_BYTES].split(b"\0")[0].decode("latin-1").strip()
        if text:
            yield text


def _roles(words: Iterable[str]) -> tuple[str, ...]:
    found: set[str] = set()
    for word in words:
        role = _CATEGORIES.get(word.strip().lower())
        found |= {role} if role else set(roles_in_name(word.replace(".", " ")))
    return tuple(role for role in ROLES if role in found)
