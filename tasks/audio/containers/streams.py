"""What the first bytes of a file and its structure say before it is decoded: its streams, and what is missing."""

from dataclasses import dataclass

from tasks.audio.containers.spliced import Piece


@dataclass(frozen=True)
class Stream:
    """Audio that is decoded in one go.

    `views` are the ways to show it to the decoder, the file as it is being an empty one; the first is taken in which
    the decoder expects no fewer than `frames`, else the last. `frames` were counted, and no more are read; `promised`
    were stated by the header, and whatever follows is read too. `slack` frames may be missing in the end.
    """

    views: tuple[tuple[Piece, ...], ...] = ((),)
    frames: int | None = None
    promised: int | None = None
    slack: int | None = None


@dataclass(frozen=True)
class Layout:
    """The streams of a file, heard one after the other, and in words what is missing of what it promises."""

    streams: tuple[Stream, ...] = (Stream(),)
    missing: str | None = None


AS_IT_IS: tuple[Piece, ...] = ()
"""The view of a file whose bytes need no rearranging."""


def missing_bytes(count: int) -> str:
    """How a lack of so many bytes is said."""
    return f"{count} bytes of audio are missing at the end of the file"
