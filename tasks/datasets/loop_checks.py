"""Loop checks before planning: each file must still be what was fetched; a missing key is estimated."""

from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Final

from storage.files import sha256_of
from storage.loops.table import Loop
from storage.paths import path_of
from storage.vocabulary import Reason
from tasks.audio.decoding import AudioError, decode_cut
from tasks.features.key_estimate import estimate_key

KEY_SOURCE: Final = "estimate"
_RATE: Final = 16_000


@dataclass(frozen=True)
class Unusable:
    """A loop that is no longer what was fetched, and why."""

    path: str
    reason: Reason
    message: str


def checked_loop(loop: Loop, wants_key: bool) -> Loop | Unusable:
    """The loop as it is, with an estimated key where one is wanted; or what is wrong with its file."""
    try:
        if _digest(path_of(loop.path)) != loop.sha256:
            return Unusable(loop.path, Reason.VANISHED, "holds other bytes than when it was fetched")
        return _with_key(loop) if wants_key else loop
    except AudioError as error:
        return Unusable(loop.path, error.reason, str(error))
    except OSError as error:
        refused = AudioError.from_os_error(error)
        return Unusable(loop.path, refused.reason, str(refused))


def _digest(path: Path) -> str:
    """Read once, however many loops are cut from one file."""
    status = path.stat()
    return _digest_of(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _digest_of(path: Path, mtime_ns: int, size: int) -> str:
    return sha256_of(path)


def _with_key(loop: Loop) -> Loop:
    """With the source set even where no key was found, so that it is not estimated twice."""
    estimate = estimate_key(decode_cut(path_of(loop.path), _RATE, loop.start_s, loop.duration_s), _RATE)
    if estimate is None:
        return replace(loop, key_source=KEY_SOURCE, key_confidence=0.0)
    return replace(
        loop, key=estimate.key, mode=estimate.mode, key_source=KEY_SOURCE, key_confidence=estimate.confidence
    )
