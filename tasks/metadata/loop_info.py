"""What a loop library says of one of its files, whichever chunk it says it in."""

from dataclasses import dataclass
from typing import Final

from storage.vocabulary import Kind
from tasks.metadata.tempo_text import is_tempo

_TOO_LONG: Final = 1.02
"""By how much the beats of a loop may be longer than its file: cuts are not made to the sample."""


@dataclass(frozen=True)
class LoopInfo:
    """What one kind of chunk says of its file; None and empty where it says nothing.

    `source` is its name among the sources of tempo and key (`storage.vocabulary`), `beats` how many quarter notes
    there are, `roles` those in the vocabulary's order that its categories and descriptors name.
    """

    source: str
    kind: Kind | None = None
    bpm: float | None = None
    beats: float | None = None
    key: str | None = None
    mode: str | None = None
    roles: tuple[str, ...] = ()

    def tempo(self, duration_s: float | None) -> float | None:
        """Beats per minute, of a file of so many seconds if that is known; None if nothing credible is said.

        A tempo that is stated stands, whatever tail the file has; one at which the stated beats would not fit into the
        file contradicts itself, and says nothing. Beats alone tell a tempo by the length. A one-shot has none.
        """
        if self.kind is Kind.ONESHOT:
            return None
        if self.bpm is not None:
            fits = not self.beats or not duration_s or self.beats * 60 / self.bpm <= duration_s * _TOO_LONG
            return self.bpm if fits else None
        if not self.beats or not duration_s:
            return None
        bpm = round(self.beats * 60 / duration_s, 2)
        return bpm if is_tempo(bpm) else None
