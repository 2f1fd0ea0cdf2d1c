"""Reading objects into temporary files, a few ahead of the decoder, with patience for a store that refuses.

All batches of a process share one room for a few files, so that the next batch may begin to read while the last files
of this one are decoded, and the disk holds no more for it.
"""

import errno
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import BoundedSemaphore
from typing import Final

from storage.errors import UserError
from storage.files import sha256_of
from storage.paths import path_of
from storage.urls import is_url, name_in, open_store
from storage.vocabulary import Reason
from tasks.audio.errors import AudioError
from tasks.remote.errors import store_error

AHEAD: Final = 4
"""Files that are read while another is decoded: small ones come no faster than a request takes."""

MOST_BYTES: Final = 16 << 30
"""An object that is larger is not read: it is longer than any file that is labelled."""

_ATTEMPTS: Final = 5
_FIRST_WAIT_S: Final = 0.5
_PASSING: Final = (Reason.THROTTLED, Reason.NETWORK)
_LONGEST_NAME: Final = 200


@dataclass(frozen=True)
class LocalFile:
    """A file on this machine's disk; of one that came from a URL also the SHA-256 and number of the bytes read."""

    path: Path
    content_hash: str | None = None
    bytes_read: int = 0


_room: Final = BoundedSemaphore(AHEAD + 1)
"""For the files of this process that are read, wait, or are in use."""


def _nobody_waits() -> None: ...


@contextmanager
def local_files(
    paths: Sequence[str], all_begun: Callable[[], None] = _nobody_waits
) -> Iterator[Iterator[LocalFile | AudioError]]:
    """Each path as a file on this machine, in order; a local one is itself, an object is read to a temporary file.

    A temporary file is removed when the next one is asked for. While one is in use the next few are read, from now on.
    What cannot be read is an `AudioError` in its place: vanished, permission, throttled, network or too_long.
    `all_begun` is called once the reading of the last object has begun: whoever is next finds room as it is left.
    """
    if not any(map(is_url, paths)):
        yield (LocalFile(path_of(path)) for path in paths)
        return
    with TemporaryDirectory(prefix="rolecall-") as scratch, ThreadPoolExecutor(AHEAD) as pool:
        reading = _ReadingAhead(paths, Path(scratch), pool, all_begun)
        try:
            reading.begin_some()
            yield iter(reading)
        finally:
            pool.shutdown(cancel_futures=True)
            reading.leave()


class _ReadingAhead:
    """The files of one batch: those that are read or wait, and the room that they take."""

    def __init__(
        self, paths: Sequence[str], scratch: Path, pool: ThreadPoolExecutor, all_begun: Callable[[], None]
    ) -> None:
        self._waiting = deque(enumerate(paths))
        self._coming: deque[Future[LocalFile | AudioError]] = deque()
        self._scratch, self._pool, self._all_begun = scratch, pool, all_begun
        self._taken = 0

    def begin_some(self) -> None:
        """Begin with the first few; where the batch before still holds the room, as it leaves."""
        for _ in range(AHEAD):
            self._begin()

    def __iter__(self) -> Iterator[LocalFile | AudioError]:
        while self._coming:
            file = self._coming.popleft().result()
            self._begin()
            yield file
            if isinstance(file, LocalFile) and file.path.is_relative_to(self._scratch):
                file.path.unlink()
            self._give_back(1)

    def leave(self) -> None:
        """Give back what is still taken."""
        self._give_back(self._taken)

    def _begin(self) -> None:
        if not self._waiting:
            return
        number, path = self._waiting.popleft()
        # Whoever holds room needs no more to come to an end: a batch that began before has begun all of its files.
        _room.acquire()
        self._taken += 1
        self._coming.append(self._pool.submit(_local_file, path, self._scratch / str(number)))
        if not self._waiting:
            self._all_begun()

    def _give_back(self, files: int) -> None:
        self._taken -= files
        for _ in range(files):
            _room.release()


def _local_file(path: str, folder: Path) -> LocalFile | AudioError:
    if not is_url(path):
        return LocalFile(path_of(path))
    folder.mkdir()
    try:
        return fetched(path, folder / file_name_of(path))
    except AudioError as error:
        return error


def fetched(url: str, target: Path) -> LocalFile:
    """Read an object into a file, in one request where all goes well.

    What may pass is tried again after a growing wait. Raises `AudioError` as `local_files` gives it, UserError where
    the disk is full.
    """
    wait_s = _FIRST_WAIT_S
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _read_once(url, target)
        except AudioError as error:
            if error.reason not in _PASSING:
                raise
            if attempt == _ATTEMPTS:
                raise AudioError(error.reason, f"{error}, {attempt} times") from None
        # Not all workers at once: a store that asks for fewer requests would get them all again.
        time.sleep(wait_s * (0.5 + random.random()))
        wait_s *= 2
    raise AssertionError("the last attempt returns or raises")


def _read_once(url: str, target: Path) -> LocalFile:
    from fsspec.callbacks import Callback

    class Bound(Callback):  # type: ignore[misc]
        """Stops the reading of what is too large before its first byte is kept."""

        def set_size(self, size: int | None) -> None:
            if size is not None and size > MOST_BYTES:
                raise AudioError(Reason.TOO_LONG, f"{size >> 30} GiB large; at most {MOST_BYTES >> 30}")

    store, path = open_store(url)
    try:
        store.get_file(path, str(target), callback=Bound())
    except AudioError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise UserError(
                f"no room for {url} in {target.parent.parent}; name a larger disk with TMPDIR or --local-directory"
            ) from error
        raise store_error(error) from None
    except Exception as error:
        raise store_error(error) from None
    return LocalFile(target, sha256_of(target), target.stat().st_size)


def file_name_of(url: str) -> str:
    """The name of an object as every file system takes it; of a long one the end, which has the extension."""
    name = name_in(url).replace("/", "_").replace("\0", "_")
    return name.encode()[-_LONGEST_NAME:].decode(errors="ignore")
