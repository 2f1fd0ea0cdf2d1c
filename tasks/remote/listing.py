"""Listing a bucket or server: which audio is below a URL, how large it is, and which version of it is there now."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from itertools import islice
from typing import Any, Final
from xml.etree import ElementTree

from storage.errors import UserError
from storage.urls import naming_trouble, open_store
from tasks.audio.library import Omissions, PassedOver, is_audio, why_passed_over

_MD5: Final = re.compile(r'"?([0-9a-f]{32})"?')
_TIMES: Final = ("LastModified", "last_modified", "Last-Modified", "updated", "mtime")
_VERSIONS: Final = ("ETag", "etag", "generation")
_ASKED_AT_ONCE: Final = 32
_ASKED: Final = 4096
_LISTED: Final = "before-parse.s3.ListObjectsV2"

Info = Mapping[str, Any]
"""What a store says of an object, under the names that its library has for it."""


@dataclass(frozen=True)
class Listed:
    """An object as its store describes it: bytes, nanoseconds of its last change, and its identity.

    The identity is `md5:…` where the store knows the digest of the content, so that copies have the same; else
    `version:…`, which is of this URL alone. All three are None for what is not there or tells nothing.
    """

    url: str
    size: int | None = None
    mtime_ns: int | None = None
    identity: str | None = None


class Listing:
    """The audio at or below a URL; `omissions` is complete once it has been listed.

    The same is passed over as in a folder on a disk (`tasks.audio.library`).
    """

    def __init__(self, url: str) -> None:
        """Of a file, a folder, or a whole bucket; nothing is asked yet."""
        self._url = url
        self._kinds: Counter[PassedOver] = Counter()
        self._folders: set[str] = set()

    @property
    def omissions(self) -> Omissions:
        """What was passed over so far."""
        return Omissions({kind.value: self._kinds[kind] for kind in PassedOver if self._kinds[kind]})

    def audio(self) -> Iterator[Listed]:
        """Every object with an extension of audio; raises UserError if the URL is not there or does not answer."""
        with naming_trouble(self._url):
            store, path = open_store(self._url)
            if is_audio(self._url) and store.isfile(path):
                yield described(self._url, store.info(path))
                return
            belonging = self._belonging(_objects(self._url))
            if self._url.startswith("http"):
                # Its pages name files and tell nothing of them.
                yield from look_at_urls(url for url, _ in belonging)
            else:
                yield from (described(url, info) for url, info in belonging)

    def _belonging(self, objects: Iterable[tuple[str, Info]]) -> Iterator[tuple[str, Info]]:
        for url, info in objects:
            *folders, name = url.removeprefix(self._url).strip("/").split("/")
            why = why_passed_over(folders, name)
            if why is None:
                yield url, info
            elif why[1] == len(folders):
                self._kinds[why[0]] += 1
            elif (folder := "/".join(folders[: why[1] + 1])) not in self._folders:
                # A folder that is passed over counts as one, whatever is in it.
                self._folders.add(folder)
                self._kinds[why[0]] += 1


def require_reachable(url: str) -> None:
    """Raise UserError unless something is at a URL, and may be read or listed."""
    with naming_trouble(url):
        store, path = open_store(url)
        store.info(path)


def is_there(url: str) -> bool:
    """Whether an object is there; one that nobody can be asked about counts as there."""
    try:
        store, path = open_store(url)
        store.info(path)
    except FileNotFoundError:
        return False
    except Exception:
        return True
    return True


def look_at_urls(urls: Iterable[str]) -> Iterator[Listed]:
    """Each object as it is now, in order, many asked at once; one that is not there or tells nothing has no size."""
    waiting = iter(urls)
    with ThreadPoolExecutor(_ASKED_AT_ONCE) as pool:
        while some := list(islice(waiting, _ASKED)):
            yield from pool.map(_look, some)


def _look(url: str) -> Listed:
    try:
        store, path = open_store(url)
        return described(url, store.info(path))
    except UserError:
        raise
    except Exception:
        return Listed(url)


def described(url: str, info: Info) -> Listed:
    """What a store says of an object, in our words."""
    size = info.get("size")
    mtime_ns = next((time for name in _TIMES if (time := _nanoseconds(info.get(name))) is not None), None)
    return Listed(url, size, mtime_ns, _identity(url, info, size, mtime_ns))


def _objects(url: str) -> Iterator[tuple[str, Info]]:
    if url.startswith("s3://"):
        yield from _objects_of_bucket(url)
        return
    store, path = open_store(url)
    for name, info in store.find(path, detail=True).items():
        yield store.unstrip_protocol(name), info


def _objects_of_bucket(url: str) -> Iterator[tuple[str, Info]]:
    """Page by page, the next one asked for while one is taken in.

    `find` would hold a kilobyte of each object in memory until the last one is known.
    """
    store, path = open_store(url)
    bucket, _, prefix = path.partition("/")
    store.s3.meta.events.register(_LISTED, _take_contents, unique_id=_take_contents.__qualname__)

    def ask(**after: str) -> Info:
        return store.call_s3("list_objects_v2", Bucket=bucket, Prefix=f"{prefix}/" if prefix else "", **after)  # type: ignore[no-any-return]

    page = ask()
    if prefix and not page["Contents"]:
        raise FileNotFoundError(url)
    with ThreadPoolExecutor(1) as pool:
        while True:
            more = page.get("IsTruncated")
            following = pool.submit(ask, ContinuationToken=page["NextContinuationToken"]) if more else None
            for found in page["Contents"]:
                if not found["Key"].endswith("/"):
                    yield f"s3://{bucket}/{found['Key']}", {**found, "size": int(found["Size"])}
            if following is None:
                return
            page = following.result()


def _take_contents(response_dict: dict[str, Any], customized_response_dict: dict[str, Any], **_: Any) -> None:
    """Called by botocore with a page of a listing: take the objects out of it, as text, before it parses the rest.

    It takes a quarter of a millisecond for each object, most of it for its time of change.
    """
    if response_dict["status_code"] != HTTPStatus.OK:
        return
    page = ElementTree.fromstring(response_dict["body"])
    entries = page.findall("{*}Contents")
    customized_response_dict["Contents"] = [
        {field.tag.rpartition("}")[2]: field.text for field in entry} for entry in entries
    ]
    for entry in entries:
        page.remove(entry)
    response_dict["body"] = ElementTree.tostring(page)


def _identity(url: str, info: Info, size: int | None, mtime_ns: int | None) -> str | None:
    if (digest := _md5(url, info)) is not None:
        return f"md5:{digest}"
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), None)
    if version is None and mtime_ns is None and size is None:
        return None
    told = f"{url}\n{version or mtime_ns}\n{size}"
    return f"version:{hashlib.sha256(told.encode()).hexdigest()[:32]}"


def _md5(url: str, info: Info) -> str | None:
    """The MD5 of an object, where its store keeps one.

    An ETag of S3 is one unless the object came in parts. Of an object that the store encrypts it is of the encrypted
    bytes: different contents never share it, and that is all it is taken for.
    """
    if url.startswith("s3://"):
        found = _MD5.fullmatch(str(info.get("ETag", "")))
        return found[1] if found else None
    told = info.get("md5Hash") or info.get("Content-MD5") or (info.get("content_settings") or {}).get("content_md5")
    if told is None:
        return None
    return bytes(told).hex() if isinstance(told, bytes | bytearray) else base64.b64decode(told).hex()


def _nanoseconds(told: Any) -> int | None:
    """A time as the libraries give it: seconds, a datetime, or text as ISO 8601 or HTTP has it."""
    if isinstance(told, int | float):
        return int(told * 1e9)
    if isinstance(told, str):
        with suppress(ValueError):
            told = datetime.fromisoformat(told)
    if isinstance(told, str):
        with suppress(ValueError):
            told = parsedate_to_datetime(told)
    if not isinstance(told, datetime):
        return None
    return round((told if told.tzinfo else told.replace(tzinfo=UTC)).timestamp() * 1e6) * 1000
