"""Writing so that a reader sees the old file or the new one, never a half: temporary name, fsync, rename."""

import glob
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_path(target: Path, mode: int = 0o644) -> Iterator[Path]:
    """Lend a temporary path beside `target`; on leaving without an error it is synced and renamed to `target`.

    The parent folders are made. On an error the temporary file is removed and `target` stays as it was. Until it is
    renamed, nobody but its owner may read it; then `mode` holds.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        promote(temporary, target, mode)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(target: Path) -> Iterator[Path]:
    """Lend a temporary folder beside `target`; on leaving without an error it is renamed to `target`.

    The parent folders are made. On an error the temporary folder is removed with all that is in it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        temporary.replace(target)
        _sync(target.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def remove_leftovers(folder: Path, of: str = "") -> None:
    """Remove the temporary files that killed processes left in a folder; only for the one process that writes there.

    With `of`, only those of a file of that name. What a database left beside such a file goes as well.
    """
    for path in folder.glob(f".{glob.escape(of)}*.tmp*"):
        path.unlink(missing_ok=True)


def promote(finished: Path, target: Path, mode: int = 0o644) -> None:
    """Give a finished file its name, so that a crash leaves the old file or the new one; both in one folder."""
    _sync(finished)
    finished.chmod(mode)
    finished.replace(target)
    _sync(target.parent)


def write_bytes_atomically(target: Path, content: bytes) -> None:
    """Replace `target` by `content`, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_bytes(content)


def write_text_atomically(target: Path, text: str) -> None:
    """Replace `target` by `text` in UTF-8, whole or not at all."""
    with atomic_path(target) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal; raises OSError if it cannot be read."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
