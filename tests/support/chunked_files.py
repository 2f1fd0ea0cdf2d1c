"""WAV, AIFF and CAF files put together chunk by chunk, as loop libraries write them."""

import struct

import numpy as np

from tests.support.dummies import RATE, Signal


def chunk(name: bytes, body: bytes, order: str = "<") -> bytes:
    """A chunk of a RIFF (`<`) or AIFF (`>`) file, padded to an even length."""
    return name + struct.pack(f"{order}I", len(body)) + body + b"\0" * (len(body) & 1)


def pcm(samples: Signal, order: str = "<") -> bytes:
    """Samples as 16-bit integers."""
    return np.rint(samples * 32767).astype(f"{order}i2").tobytes()


def wav(samples: Signal, *chunks: bytes, form: bytes = b"RIFF") -> bytes:
    """A mono WAV with some chunks before its audio."""
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    body = b"WAVE" + head + b"".join(chunks) + chunk(b"data", pcm(samples))
    return form + struct.pack("<I", len(body)) + body


def big_wav(samples: Signal, *chunks: bytes, form: bytes = b"RF64") -> bytes:
    """A mono WAV whose sizes stand in a chunk of their own, as in one beyond 4 GB, and some chunks behind its audio."""
    audio = pcm(samples)
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, len(audio), len(samples), 0))
    head = chunk(b"fmt ", struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16))
    return form + b"\xff" * 4 + b"WAVE" + sizes + head + b"data" + b"\xff" * 4 + audio + b"".join(chunks)


def acid(bpm: float, beats: int, *, one_shot: bool = False, root: int | None = None) -> bytes:
    """ACID's chunk."""
    flags = one_shot | (2 if root is not None else 0) | 4
    return chunk(b"acid", struct.pack("<IHHfIHHf", flags, root or 60, 0x8000, 0.0, beats, 4, 4, bpm))


def smpl(root: int, *loops: tuple[int, int]) -> bytes:
    """A sampler's chunk with loops from one frame to another, the last one included."""
    body = struct.pack("<9I", 0, 0, 22_675, root, 0, 0, 0, len(loops), 0)
    return chunk(b"smpl", body + b"".join(struct.pack("<6I", 0, 0, start, end, 0, 0) for start, end in loops))


def info(**fields: str) -> bytes:
    """A list of texts, such as `IBPM`."""
    return chunk(b"LIST", b"INFO" + b"".join(chunk(name.encode(), text.encode()) for name, text in fields.items()))


def aiff(samples: Signal, *chunks: bytes) -> bytes:
    """A mono AIFF with some chunks before its audio."""
    exponent = RATE.bit_length() - 1
    rate = struct.pack(">HQ", 16383 + exponent, RATE << (63 - exponent))
    head = chunk(b"COMM", struct.pack(">hIh", 1, len(samples), 16) + rate, ">")
    audio = chunk(b"SSND", bytes(8) + pcm(samples, ">"), ">")
    body = b"AIFF" + head + b"".join(chunks) + audio
    return b"FORM" + struct.pack(">I", len(body)) + body


def basc(
    beats: int, *, root: int = 0, scale: int = 3, metre: tuple[int, int] = (4, 4), one_shot: bool = False
) -> bytes:
    """An Apple Loop's chunk of beats and key."""
    body = struct.pack(">IIHHHHH", 1, beats, root, scale, *metre, one_shot)
    return chunk(b"basc", body.ljust(84, b"\0"), ">")


def cate(category: str, subcategory: str, *descriptors: str) -> bytes:
    """An Apple Loop's chunk of categories, each field with what was left in memory behind its end."""

    def field(text: str) -> bytes:
        return (text.encode() + b"\0" + b"\x7f\x00Bass\x00" * 9)[:50].ljust(50, b"\0")

    body = struct.pack(">I", 1) + field(category) + field(subcategory) + bytes(116)
    return chunk(b"cate", body + struct.pack(">H", len(descriptors)) + b"".join(map(field, descriptors)), ">")


def caf_texts(**texts: str) -> bytes:
    """Names and texts as a CAF has them; `_` in a name stands for a blank."""
    pairs = b"".join(f"{name.replace('_', ' ')}\0{text}\0".encode() for name, text in texts.items())
    return struct.pack(">I", len(texts)) + pairs


def caf(samples: Signal, **chunks: bytes) -> bytes:
    """A mono CAF with some chunks before its audio."""
    head = struct.pack(">d4sIIIII", float(RATE), b"lpcm", 2, 2, 1, 1, 16)
    parts = [(b"desc", head), *((name.encode(), body) for name, body in chunks.items())]
    parts.append((b"data", bytes(4) + pcm(samples)))
    return b"caff\0\1\0\0" + b"".join(name + struct.pack(">q", len(body)) + body for name, body in parts)


def apple_loop(**texts: str) -> bytes:
    """The body of the `uuid` chunk that makes a CAF an Apple Loop."""
    return bytes.fromhex("29819273b5bf4aefb78d62d1ef90bb2c") + caf_texts(**texts)
