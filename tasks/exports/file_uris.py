"""Paths as `file:` addresses (RFC 8089): POSIX and Windows paths, names in any encoding."""

import os
import re
from typing import Final
from urllib.parse import quote, quote_from_bytes

from storage.paths import path_of

_DRIVE: Final = re.compile(r"[A-Za-z]:[\\/]")
_SHARE: Final = re.compile(r"(?:\\\\|//)([^\\/]+)[\\/](.+)", re.DOTALL)


def file_uri(path: str, host: str = "") -> str:
    r"""The address of a path as the catalogue writes it (`storage.paths`), or of a Windows path.

    >>> file_uri("/loops/Hémo 1.wav", "localhost")
    'file://localhost/loops/H%C3%A9mo%201.wav'
    >>> file_uri(r"D:\Music\a.wav", "localhost"), file_uri(r"\\disk\share\a.wav")
    ('file://localhost/D:/Music/a.wav', 'file://disk/share/a.wav')
    """
    if _DRIVE.match(path):
        return f"file://{host}/{path[0]}:{quote(path[2:].replace(chr(92), '/'))}"
    if share := _SHARE.fullmatch(path):
        return f"file://{share[1]}/{quote(share[2].replace(chr(92), '/'))}"
    return f"file://{host}{quote_from_bytes(os.fsencode(path_of(path)))}"
