"""A record of Zenodo: which files it has, where they lie, and what their digests are."""

from typing import Any, Final

import requests

from tasks.http.client import RequestError, RetryPolicy, get, retrying
from tasks.http.resumable_download import RemoteFile

DEFAULT_URL: Final = "https://zenodo.org/api"


def read_record(base: str, record: int, session: requests.Session, retries: RetryPolicy) -> dict[str, RemoteFile]:
    """The files of a record by name; raises RequestError if the server fails or the record has no such list."""
    url = f"{base.rstrip('/')}/records/{record}"

    def ask() -> Any:
        with get(session, url) as answer:
            return answer.json()

    document = retrying(ask, retries)
    entries = document.get("files") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise RequestError(f"{url}: the record names no files")
    files = [_file(base, record, entry) for entry in entries if isinstance(entry, dict)]
    return {file.name: file for file in files if file is not None}


def _file(base: str, record: int, entry: dict[str, Any]) -> RemoteFile | None:
    """One entry; older answers say `filename` and `filesize`, and may lack the link. None without name or size."""
    name, size = entry.get("key") or entry.get("filename"), entry.get("size") or entry.get("filesize")
    if not isinstance(name, str) or not isinstance(size, int):
        return None
    links = entry.get("links")
    link = links.get("self") if isinstance(links, dict) else None
    site = base.rstrip("/").removesuffix("/api")
    checksum = entry.get("checksum")
    return RemoteFile(
        name,
        link if isinstance(link, str) else f"{site}/records/{record}/files/{name}?download=1",
        size,
        checksum if isinstance(checksum, str) and checksum else None,
    )
