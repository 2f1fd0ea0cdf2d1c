"""Resumable HTTP downloads of one file: resumed where they were cut, checked against size and digest."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from storage.files import promote
from tasks.http.client import RequestError, RetryPolicy, TransientError, get

_CHUNK: Final = 1 << 14
"""Bytes written at once; what is lost of a connection that is cut."""
_DIGEST_LENGTHS: Final = {32: "md5", 40: "sha1", 64: "sha256"}


@dataclass(frozen=True)
class RemoteFile:
    """A file on a server: its name, address and size in bytes, and its digest as `md5:…`, None if nobody knows it."""

    name: str
    url: str
    size: int
    checksum: str | None


def download(
    file: RemoteFile,
    target: Path,
    session: requests.Session,
    retries: RetryPolicy,
    arrived: Callable[[int], object] = lambda _: None,
) -> Path:
    """Download a file to `target` unless it is there already; `arrived` is called with the bytes of each chunk.

    It grows as `target` with `.part` behind, from where the last attempt stopped; only when size and digest are
    right does it get its name. Raises RequestError if they are not (nothing is left then), or if the server fails
    more often in a row, without a byte of progress, than `retries` allows.
    """
    if target.exists() and target.stat().st_size == file.size:
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    failures = 0
    while _size(part) != file.size:
        before = _size(part)
        try:
            _go_on(file, part, session, arrived)
        except TransientError as error:
            failures = failures + 1 if _size(part) <= before else 1
            if failures >= retries.attempts:
                raise
            retries.sleep(retries.wait_s(failures - 1, error))
    _verify(file, part)
    promote(part, target)
    return target


def _go_on(file: RemoteFile, part: Path, session: requests.Session, arrived: Callable[[int], object]) -> None:
    """Ask for what is missing and append it; start again if the server sends something else."""
    have = _size(part)
    if have > file.size:
        part.unlink()
        have = 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    with get(session, file.url, headers) as answer:
        resumed = answer.status_code == 206 and _starts_at(answer) == have
        if have and not resumed and answer.status_code != 200:
            part.unlink()
            raise TransientError(f"{file.name}: the server answered another range than was asked for")
        with part.open("ab" if resumed else "wb") as out:
            for chunk in answer.iter_content(_CHUNK):
                out.write(chunk)
                if out.tell() > file.size:
                    raise RequestError(f"{file.name}: more bytes came than the {file.size} that its record names")
                arrived(len(chunk))
    if _size(part) < file.size:
        raise TransientError(f"{file.name}: {_size(part)} of {file.size} bytes came")


def _verify(file: RemoteFile, part: Path) -> None:
    if file.checksum is None:
        return
    kind, stated = split_checksum(file.checksum)
    with part.open("rb") as content:
        found = hashlib.file_digest(content, kind).hexdigest()
    if found != stated:
        part.unlink()
        raise RequestError(
            f"{file.name}: its {kind} is {found}, the record says {stated}; it was removed, fetch it again"
        )


def split_checksum(text: str) -> tuple[str, str]:
    """The kind and the hexadecimal digest of `md5:…`, or of a bare digest, whose length tells its kind.

    Raises RequestError for anything else.
    """
    kind, _, digest = text.strip().lower().rpartition(":")
    kind = kind or _DIGEST_LENGTHS.get(len(digest), "")
    if kind not in _DIGEST_LENGTHS.values() or not re.fullmatch(r"[0-9a-f]+", digest):
        raise RequestError(f"the checksum {text!r} is of no kind that is known; known: md5, sha1, sha256")
    return kind, digest


def _starts_at(answer: requests.Response) -> int | None:
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match.group(1)) if match else None


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
