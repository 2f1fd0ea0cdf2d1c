"""rekordbox XML: beat grid, memory cues and one playlist, as its "Import Collection" takes them.

The format is described by AlphaTheta in "rekordbox xml format list".
"""

import shutil
import tempfile
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, NamedTuple
from xml.sax.saxutils import quoteattr

from storage.published.track_labels import TrackLabels
from tasks.exports.file_names import name_of
from tasks.exports.file_uris import file_uri
from tasks.exports.key_text import key_text

_MOST_CUES: Final = 10
"""Players show no more memory cues of a track."""

_CUED_SECTIONS: Final = ("core", "outro")
_KINDS: Final = {"mp3": "MP3 File", "wav": "WAV File", "aif": "AIFF File", "aiff": "AIFF File", "flac": "FLAC File"}


class Cue(NamedTuple):
    """A memory cue: when, what it is called, and whether a section begins there."""

    start_s: float
    name: str
    is_section: bool


def write_rekordbox(tracks: Iterable[TrackLabels], target: Path) -> None:
    """All tracks as a collection, and a playlist `rolecall` that holds them."""
    ids = array("q")
    with tempfile.TemporaryFile(dir=target.parent) as collection, target.open("wb") as file:
        for track in tracks:
            ids.append(track.facts.track_id)
            collection.write(_track(track).encode())
        collection.seek(0)
        _write_document(file, collection, ids)


def cues_of(track: TrackLabels) -> list[Cue]:
    """A cue at the beginning of each core and outro, and wherever a role comes in; what begins together is one cue.

    Of more than ten, those of sections stay, and the first of the others.
    """
    begins: dict[float, list[str]] = defaultdict(list)
    enters: dict[float, list[str]] = defaultdict(list)
    for section in track.sections:
        if section.label in _CUED_SECTIONS:
            begins[section.start_s].append(section.label)
    for span in track.role_spans:
        enters[span.start_s].append(span.role)
    cues = []
    for start_s in sorted({*begins, *enters}):
        words = begins[start_s] + ([f"{' + '.join(enters[start_s])} in"] if enters[start_s] else [])
        cues.append(Cue(start_s, ", ".join(words), bool(begins[start_s])))
    kept = sorted(cues, key=lambda cue: (not cue.is_section, cue.start_s))[:_MOST_CUES]
    return sorted(kept)


def _write_document(file: BinaryIO, collection: BinaryIO, ids: "array[int]") -> None:
    file.write(b'<?xml version="1.0" encoding="UTF-8"?>\n<DJ_PLAYLISTS Version="1.0.0">\n')
    file.write(b'  <PRODUCT Name="rolecall" Version="1" Company=""/>\n')
    file.write(b'  <COLLECTION Entries="%d">\n' % len(ids))
    shutil.copyfileobj(collection, file)
    file.write(b'  </COLLECTION>\n  <PLAYLISTS>\n    <NODE Type="0" Name="ROOT" Count="1">\n')
    file.write(b'      <NODE Name="rolecall" Type="1" KeyType="0" Entries="%d">\n' % len(ids))
    for number in ids:
        file.write(b'        <TRACK Key="%d"/>\n' % number)
    file.write(b"      </NODE>\n    </NODE>\n  </PLAYLISTS>\n</DJ_PLAYLISTS>\n")


def _track(track: TrackLabels) -> str:
    facts = track.facts
    attributes = {
        "TrackID": str(facts.track_id),
        "Name": name_of(track),
        "Kind": _KINDS.get(facts.path.rpartition(".")[2].lower(), "Unknown Format"),
        "TotalTime": str(round(facts.duration_s)),
        "AverageBpm": f"{facts.bpm:.2f}" if facts.bpm else "",
        "Tonality": key_text(facts.key, facts.mode) or "",
        "Comments": " ".join(track.active_roles),
        "Location": file_uri(facts.path, "localhost"),
    }
    inside = [*_tempo(track), *(_cue(cue) for cue in cues_of(track))]
    return f"    <TRACK {_joined(attributes)}>\n{''.join(inside)}    </TRACK>\n"


def _tempo(track: TrackLabels) -> Iterator[str]:
    """The grid: its first bar line, and the tempo with so many digits that no beat of an hour is off by 10 ms.

    Where the tempo drifts, every bar from there on has one of its own.
    """
    if track.bars is None:
        return
    starts = [(track.bars.first_downbeat_s, track.bars.bpm)]
    if track.bar_lines is not None:
        starts = list(zip(track.bar_lines.times_s, track.bar_lines.tempi.tolist(), strict=False))
    for start_s, bpm in starts:
        if 0 <= start_s < track.facts.duration_s:
            shortest = f"{bpm:.5f}".rstrip("0")
            shortest = shortest + "00" if shortest.endswith(".") else shortest
            begins = {"Inizio": f"{start_s:.3f}", "Bpm": shortest, "Metro": "4/4", "Battito": "1"}
            yield f"      <TEMPO {_joined(begins)}/>\n"


def _cue(cue: Cue) -> str:
    attributes = {"Name": cue.name, "Type": "0", "Start": f"{cue.start_s:.3f}", "Num": "-1"}
    return f"      <POSITION_MARK {_joined(attributes)}/>\n"


def _joined(attributes: dict[str, str]) -> str:
    return " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items() if value)
