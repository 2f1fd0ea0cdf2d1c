"""The key of a file as estimated from its chroma, and which keys are sure enough to report."""

from collections.abc import Collection
from typing import Final

from storage.vocabulary import KeySource
from tasks.features.chroma import Chroma
from tasks.features.key_estimate import key_of
from tasks.metadata.key_names import Key

_SURE_ENOUGH: Final = 0.5
_TONAL_ROLES: Final = frozenset({"melody", "chords", "bass"})


def estimated_key(chroma: Chroma) -> Key | None:
    """The key of what was heard, whatever its confidence; None where nothing pitched sounded."""
    found = key_of(chroma)
    return None if found is None else Key(found.key, found.mode, KeySource.ESTIMATE, found.confidence)


def reported_key(key: Key, active: Collection[str]) -> Key | None:
    """The key to report, given the roles that likely sound: a stated one, or a sure estimate with notes; else None."""
    if key.source is not KeySource.ESTIMATE:
        return key
    return key if key.confidence >= _SURE_ENOUGH and not _TONAL_ROLES.isdisjoint(active) else None
