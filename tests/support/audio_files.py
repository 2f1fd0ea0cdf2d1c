"""Audio files as other programs write them, byte by byte where no encoder at hand would."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

ID3V1 = b"TAG" + bytes(125)
LYRICS3 = b"LYRICSBEGININD0000200" + b"000021LYRICS200"


def id3v2(bytes_in_it: int = 1000) -> bytes:
    """An ID3v2.3 tag of nothing but padding."""
    return b"ID3\x03\x00\x00" + bytes((bytes_in_it >> shift) & 0x7F for shift in (21, 14, 7, 0)) + bytes(bytes_in_it)


def ape(bytes_in_it: int = 1000) -> bytes:
    """An APEv2 tag with header and footer, whose one item is bytes that look like MPEG frames."""
    item = (b"\xff\xfb\x90\x64" * bytes_in_it)[:bytes_in_it]
    fields = struct.pack("<III", 2000, bytes_in_it + 32, 1)
    return b"".join((b"APETAGEX", fields, b"\0\0\0\xa0", bytes(8), item, b"APETAGEX", fields, b"\0\0\0\x80", bytes(8)))


def pcm16(samples: NDArray[np.float32]) -> bytes:
    """Samples as little-endian integers of 16 bits."""
    return np.rint(samples * 32_767).astype("<i2").tobytes()


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    """A chunk of a RIFF or IFF file; its header may state another size than it has."""
    stated = len(body) if size is None else size
    return name + struct.pack(order + "I", stated) + body + bytes(len(body) & 1)


def wav_format(rate: int, channels: int = 1, tag: int = 1) -> bytes:
    """The `fmt ` chunk of 16-bit samples."""
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, rate, 2 * channels * rate, 2 * channels, 16))


def wav(data: bytes, rate: int, size: int | None = None, before: bytes = b"", behind: bytes = b"") -> bytes:
    """A WAV of 16-bit mono whose header states `size` bytes of audio, with other chunks around them."""
    body = b"WAVE" + wav_format(rate) + before + chunk(b"data", data, size) + behind
    return b"RIFF" + struct.pack("<I", len(body)) + body


def rf64(data: bytes, rate: int, mark: bytes = b"RF64", size: int | None = None) -> bytes:
    """A WAV that states its sizes in 64 bits."""
    stated = len(data) if size is None else size
    sizes = chunk(b"ds64", struct.pack("<QQQI", 72 + stated, stated, stated // 2, 0))
    return mark + b"\xff\xff\xff\xffWAVE" + sizes + wav_format(rate) + b"data\xff\xff\xff\xff" + data


def aiff(samples: NDArray[np.float32], rate: int, size: int | None = None, frames: int | None = None) -> bytes:
    """An AIFF of 16-bit mono that states so many bytes in SSND and so many frames in COMM."""
    data = np.rint(samples * 32_767).astype(">i2").tobytes()
    exponent = rate.bit_length() - 1
    stated = len(samples) if frames is None else frames
    described = struct.pack(">HIHHQ", 1, stated, 16, 16_383 + exponent, rate << (63 - exponent))
    sound = chunk(b"SSND", bytes(8) + data, None if size is None else size + 8, ">")
    body = b"AIFF" + chunk(b"COMM", described, order=">") + sound
    return b"FORM" + struct.pack(">I", len(body)) + body


def caf(data: bytes, rate: int, size: int | None = None) -> bytes:
    """A Core Audio file of 16-bit mono whose header states `size` bytes of audio."""
    described = struct.pack(">d4sIIIII", rate, b"lpcm", 2, 2, 1, 1, 16)
    stated = len(data) + 4 if size is None else size
    head = b"caff\x00\x01\x00\x00desc" + struct.pack(">q", len(described)) + described
    return head + b"data" + struct.pack(">q", stated) + bytes(4) + data


def flac_of_length(content: bytes, frames: int) -> bytes:
    """A FLAC file whose header states another number of frames; 0 is what an encoder writes into a pipe."""
    packed = int.from_bytes(content[18:26], "big") >> 36 << 36 | frames
    return content[:18] + packed.to_bytes(8, "big") + content[26:]


def encoded(path: Path, samples: NDArray[np.float32], rate: int, **how: Any) -> bytes:
    """The bytes of a file that libsndfile writes; `path` names the format, and is left behind."""
    with soundfile.SoundFile(path, "w", rate, 1 if samples.ndim == 1 else samples.shape[1], **how) as file:
        # The Vorbis encoder of libsndfile overflows its stack where all is written at once.
        for start in range(0, len(samples), 1 << 16):
            file.write(samples[start : start + (1 << 16)])
    return path.read_bytes()


def encoded_by_ffmpeg(
    path: Path,
    samples: NDArray[np.float32],
    rate: int,
    codec: str,
    container: str | None = None,
    bit_rate: int | None = None,
    **options: str,
) -> bytes:
    """The bytes of a mono file of any codec that PyAV encodes."""
    with av.open(str(path), "w", format=container, options=options) as file:
        stream = file.add_stream(codec, rate=rate, layout="mono")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        sound = av.AudioFrame.from_ndarray(samples[None], format="fltp", layout="mono")
        sound.sample_rate, sound.pts = rate, 0
        fitting = av.AudioResampler(stream.codec_context.format.name, "mono", rate, stream.codec_context.frame_size)
        for frame in [*fitting.resample(sound), *fitting.resample(None)]:
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return path.read_bytes()


def without_count(mp3: bytes) -> bytes:
    """An MP3 as an encoder writes it that cannot go back to the head of its file: without Xing or Info frame."""
    place = max(mp3.find(b"Info", 0, 64), mp3.find(b"Xing", 0, 64))
    assert place > 0
    return mp3[mp3.index(mp3[:2], 4) :]


def ogg_pages(content: bytes) -> Iterator[bytes]:
    """The pages of an Ogg file."""
    place = 0
    while place < len(content):
        segments = content[place + 26]
        end = place + 27 + segments + sum(content[place + 27 : place + 27 + segments])
        yield content[place:end]
        place = end
