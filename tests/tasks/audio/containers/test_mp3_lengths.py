"""The length of an MP3 is the one it has, however it was encoded: `pytest -s` prints a table of 216 encodings."""

import struct
from itertools import product
from pathlib import Path

import pytest

from tasks.audio.decoding import decode
from tests.support.audio_files import ID3V1, LYRICS3, ape, encoded, id3v2, without_count
from tests.support.dummies import clicks, noise

MODES = ("CONSTANT", "AVERAGE", "VARIABLE")
RATES = (48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000)
VERSIONS = {48_000: "1", 44_100: "1", 32_000: "1", 24_000: "2", 22_050: "2", 16_000: "2"}
TAGS = {
    "none": lambda mp3: mp3,
    "ID3v2, ID3v1": lambda mp3: id3v2() + mp3 + ID3V1,
    "APE, ID3v1": lambda mp3: mp3 + ape() + ID3V1,
    "2 ID3v2, APE, Lyrics3, ID3v1": lambda mp3: id3v2() + id3v2(50_000) + mp3 + ape() + LYRICS3 + ID3V1,
}
SECONDS = 2.3


def frames_counted(mp3: bytes) -> int:
    place = max(mp3.find(b"Info", 0, 64), mp3.find(b"Xing", 0, 64))
    return int(struct.unpack(">I", mp3[place + 8 : place + 12])[0])


@pytest.mark.slow
def test_every_length_is_within_a_frame_of_the_truth(tmp_path: Path) -> None:
    lines, worst = [], 0.0
    for rate, mode in product(RATES, MODES):
        frame = (1152 if rate >= 32_000 else 576) / rate
        sound = noise(SECONDS, rate) * 0.2 + clicks(140, SECONDS, rate=rate)
        counted = encoded(tmp_path / "a.mp3", sound, rate, bitrate_mode=mode, compression_level=0.4)
        # Without a header nobody knows what the encoder put before and behind the sound: all frames are the truth.
        forms = {"Xing": (counted, SECONDS), "bare": (without_count(counted), frames_counted(counted) * frame)}
        for (header, (content, truth)), (tags, dress) in product(forms.items(), TAGS.items()):
            (tmp_path / "b.mp3").write_bytes(dress(content))
            off = (decode(tmp_path / "b.mp3", 16_000).duration_s - truth) / frame
            worst = max(worst, abs(off))
            version = VERSIONS.get(rate, "2.5")
            lines.append(f"{version:4} {rate:6} {mode:9} {header:5} {tags:29} {truth:8.4f} {off:+7.3f}")
    print("\nMPEG   rate mode      count tags                             truth  frames off\n" + "\n".join(lines))
    assert len(lines) == 216
    assert worst <= 1
