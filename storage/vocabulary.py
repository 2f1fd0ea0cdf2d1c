"""Shared names: the roles and their order, reason codes of quarantine, kinds, statuses, tempo and key sources."""

from enum import StrEnum
from typing import Final

ROLES: Final = ("bass", "percussion", "fx", "melody", "chords", "vocal")
"""The six roles, in the order of every label vector and of every wide table."""

COMMON_ROLES: Final = ("bass", "percussion", "fx", "melody", "chords")
"""The five roles of the literature; vocal is rare and reported beside them."""

BARS_PER_SEGMENT: Final = 4
BEATS_PER_BAR: Final = 4


class Kind(StrEnum):
    """What a file is: a loop is one segment, a track is cut into segments of four bars, a one-shot has no bars."""

    LOOP = "loop"
    TRACK = "track"
    ONESHOT = "oneshot"


class Status(StrEnum):
    """What the catalogue knows of a path; a one-shot that has its roles is labelled, though it has no tempo."""

    LABELLED = "labelled"
    NO_TEMPO = "no_tempo"
    PENDING = "pending"
    QUARANTINED = "quarantined"


class BpmSource(StrEnum):
    """Where a tempo comes from; listed from the most to the least trusted (`docs/reading-files.md`)."""

    MANIFEST = "manifest"
    ANNOTATORS = "annotators"
    TAG = "tag"
    ACID = "acid"
    MARKER = "marker"
    APPLE_LOOP = "apple_loop"
    FILENAME = "filename"
    LENGTH = "length"
    ESTIMATE = "estimate"


class KeySource(StrEnum):
    """Where a key comes from; listed from the most to the least trusted (`docs/reading-files.md`)."""

    MANIFEST = "manifest"
    TAG = "tag"
    APPLE_LOOP = "apple_loop"
    FILENAME = "filename"
    ACID = "acid"
    SAMPLER = "sampler"
    ESTIMATE = "estimate"


class SectionLabel(StrEnum):
    """What a run of bars is in its track."""

    INTRO = "intro"
    BUILD = "build"
    CORE = "core"
    BREAK = "break"
    OUTRO = "outro"


class Reason(StrEnum):
    """Why a file is in quarantine.

    The last four are those of sources elsewhere: a licence that is not given, a record that is not what its schema
    says, a connection that failed, and a store that asks for fewer requests.
    """

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    UNSUPPORTED_CODEC = "unsupported_codec"
    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    SILENT = "silent"
    NONFINITE = "nonfinite"
    TIMEOUT = "timeout"
    OOM = "oom"
    WORKER_KILLED = "worker_killed"
    VANISHED = "vanished"
    PERMISSION = "permission"
    LICENCE = "licence"
    MALFORMED = "malformed"
    NETWORK = "network"
    THROTTLED = "throttled"

    @property
    def retryable(self) -> bool:
        """Whether another attempt at the same bytes may end differently."""
        return self in _RETRYABLE


_RETRYABLE: Final = frozenset(
    {
        *(Reason.TIMEOUT, Reason.OOM, Reason.WORKER_KILLED, Reason.VANISHED, Reason.PERMISSION),
        *(Reason.NETWORK, Reason.THROTTLED),
    }
)

Refusal = tuple[str, Reason, str]
"""What is refused (a path, a URL or an id), why, and a sentence on it."""
