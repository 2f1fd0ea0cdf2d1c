"""Reading objects into temporary files, a few ahead of the decoder, with patience for a store that refuses."""

import errno
import random
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
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


@contextmanager
def local_files(paths: Sequence[str]) -> Iterator[Iterator[LocalFile | AudioError]]:
    """Each path as a file on this machine, in order; a local one is itself, an object is read to a temporary file.

    A temporary file is removed when the next one is asked for. While one is in use the next few are read. What cannot
    be read is an `AudioError` in its place: vanished, permission, throttled, network or too_long.
    """
    if not any(map(is_url, paths)):
        yield (LocalFile(path_of(path)) for path in paths)
        return
    with TemporaryDirectory(prefix="rolecall-") as scratch, ThreadPoolExecutor(AHEAD) as pool:
        files = _ahead(paths, Path(scratch), pool)
        try:
            yield files
        finally:
            files.close()
            pool.shutdown(cancel_futures=True)


def _ahead(
    paths: Sequence[str], scratch: Path, pool: ThreadPoolExecutor
) -> Generator[LocalFile | AudioError, None, None]:
    waiting = enumerate(paths)
    coming: deque[Future[LocalFile | AudioError]] = deque()

    def begin() -> None:
        if (following := next(waiting, None)) is not None:
            number, path = following
            coming.append(pool.submit(_local_file, path, scratch / str(number)))

    for _ in range(AHEAD):
        begin()
    while coming:
        file = coming.popleft().result()
        begin()
        yield file
        if isinstance(file, LocalFile) and file.path.is_relative_to(scratch):
            file.path.unlink()


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
