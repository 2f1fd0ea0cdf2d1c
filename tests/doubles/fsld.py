"""A small Freesound Loop Dataset with every quirk of the real one, as the two archives of its record."""

import io
import json
import zipfile
from typing import Any

import soundfile

from storage.vocabulary import ROLES
from tests.support.dummies import RATE, Signal, clicks, noise, tone

BY, ZERO = "http://creativecommons.org/licenses/by/3.0/", "http://creativecommons.org/publicdomain/zero/1.0/"
NC = "http://creativecommons.org/licenses/by-nc/3.0/"


def annotation(*roles: str, **changes: Any) -> dict[str, Any]:
    """One annotator's file."""
    plain = {
        "discard": False, "save_for_later": False, "instrumentation": {role: role in roles for role in ROLES},
        "defined_tempo": True, "bpm": "120", "signature": "4/4", "well_cut": True, "key": "none", "mode": "none",
        "genres": ["electronic"], "comments": "",
    }  # fmt: skip
    return {**plain, **changes}


def entry(sound_id: int, licence: str = BY, user: str = "ana", bpm: int = 0) -> dict[str, Any]:
    """One sound's metadata."""
    return {
        "id": sound_id, "name": f"loop {sound_id}.wav", "username": user, "license": licence, "type": "wav",
        "tags": ["loop"], "pack": None, "pack_name": None, "annotations": {"bpm": bpm},
    }  # fmt: skip


def wav(signal: Signal) -> bytes:
    """A WAV file."""
    buffer = io.BytesIO()
    soundfile.write(buffer, signal, RATE, format="WAV")
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def good_annotations() -> dict[str, bytes]:
    """The annotations of the small data set, without the one that is no JSON."""
    return {"annotations.zip": zipped(_annotations())}


def small_fsld() -> dict[str, bytes]:
    """Sounds 1 to 4 are good; 5 is discarded, 6 disputed, 7 has no audio, 8 none that decodes, 9 a strange licence.

    10 has no metadata, 11 no annotation; 12 is the same audio as 1; one annotation is no JSON.
    """
    sounds = {
        "1_7.wav": wav(clicks(120, 4.0)), "2_7.aiff": wav(tone(2.0, 110)), "3_8.wav": wav(tone(4.0, 220)),
        "4_8.wav": wav(tone(3.3, 330)), "5_7.wav": wav(tone(1.0)), "6_7.wav": wav(tone(1.0)), "8_7.wav": b"no audio",
        "9_7.wav": wav(tone(1.0, 500)), "10_7.wav": wav(tone(1.0, 600)), "11_7.wav": wav(tone(1.0, 700)),
        "12_7.wav": wav(clicks(120, 4.0)),
    }  # fmt: skip
    metadata = {str(number): entry(number) for number in (1, 3, 5, 6, 7, 8, 11, 12, 99)}
    metadata |= {"2": entry(2, ZERO, bpm=128), "4": entry(4, NC, "bo"), "9": entry(9, "all rights reserved")}
    audio = {f"audio/wav/{name}.wav": content for name, content in sounds.items()}
    return {
        "annotations.zip": zipped({**_annotations(), "annotations/13/sound-1.json": b"{"}),
        "FSL10K.zip": zipped({**audio, "metadata.json": json.dumps(metadata).encode()}),
    }


def varied_fsld() -> dict[str, bytes]:
    """Thirty single-role loops of two bars at 120, all in A minor: five roles from each of six people."""
    sounds: dict[int, tuple[str, str, Signal]] = {}
    for person in range(6):
        pitch = 1 + person / 100  # no two people upload the same audio
        made = {
            "percussion": clicks(120, 4.0) * (0.5 + person / 20),
            "bass": tone(4.0, 55 * pitch),
            "fx": noise(4.0, seed=person),
            "melody": tone(4.0, 440 * pitch),
            "chords": (tone(4.0, 220 * pitch) + tone(4.0, 261.6 * pitch) + tone(4.0, 329.6 * pitch)) / 3,
        }
        for role, signal in made.items():
            sounds[len(sounds) + 1] = (role, f"person {person}", signal)
    said = {
        f"annotations/11/sound-{number}.json": annotation(role, key="a", mode="min")
        for number, (role, _, _) in sounds.items()
    }
    metadata = {str(number): entry(number, user=person) for number, (_, person, _) in sounds.items()}
    audio = {f"audio/wav/{number}_7.wav.wav": wav(signal) for number, (_, _, signal) in sounds.items()}
    return {
        "annotations.zip": zipped({name: json.dumps(document).encode() for name, document in said.items()}),
        "FSL10K.zip": zipped({**audio, "metadata.json": json.dumps(metadata).encode()}),
    }


def _annotations() -> dict[str, bytes]:
    said: dict[str, Any] = {
        "11/sound-1": annotation("percussion"),
        "12/sound-1": annotation("percussion", "fx"),
        "11/sound-2": annotation("bass", key="c#", mode="unknown", bpm="unknown"),
        "11/sound-3": annotation("bass", "melody", key="a", mode="min", bpm="120 bpm"),
        "11/sound-4": annotation("melody", key="g", mode="maj", well_cut=False, signature="3/4"),
        "11/sound-5": annotation("bass", discard=True),
        "11/sound-6": annotation("bass"),
        "12/sound-6": annotation("fx"),
        **{f"11/sound-{number}": annotation("percussion") for number in (7, 8, 9, 10, 12)},
    }
    annotations = {f"annotations/{name}.json": json.dumps(document).encode() for name, document in said.items()}
    return annotations | {
        "annotations/AA/sound-11.json": b"ignored",
        "__MACOSX/annotations/11/sound-11.json": b"ignored",
        "annotations/11/notes.txt": b"ignored",
    }
