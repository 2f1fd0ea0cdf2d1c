"""Names for what an export writes beside or about a file."""

import re
from typing import Final

from storage.paths import path_of, path_text
from storage.published.track_labels import TrackLabels

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_MOST_BYTES: Final = 200
"""A name may have 255 bytes on most disks, with the number in front and the extension behind it."""


def name_of(track: TrackLabels) -> str:
    """The name of a track's file without its extension, in one printable line of text."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", path_text(path_of(track.facts.path).stem))


def file_name_of(track: TrackLabels, extension: str) -> str:
    """A name of its own for a file about a track: its number and its name."""
    name = name_of(track).encode()[:_MOST_BYTES].decode(errors="ignore")
    return f"{track.facts.track_id:06d} {name}{extension}"
