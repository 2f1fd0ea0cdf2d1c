"""A bucket on this machine: moto's S3, which counts what is read and can be slow, throttle, and cut connections."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

SECRET = "s3cr3t-of-the-double"
KEY = "AKIADOUBLEDOUBLE"

_SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)


@dataclass
class Bucket:
    """The bucket `music` at `address`. What it does wrong may be changed at any time."""

    address: str = ""
    delay_s: float = 0.0
    throttled: float = 0.0
    """Share of the reads that get 503 SlowDown."""
    cut: float = 0.0
    """Share of the reads whose connection is cut in the middle."""
    million: int = 0
    """So many objects are listed below `made-up/`, though none is there."""
    reads: Counter[str] = field(default_factory=Counter)
    """How often each object was read to its end."""
    refused: int = 0
    lists: int = 0

    def settings(self) -> dict[str, str]:
        """The environment in which the libraries find the bucket and its keys."""
        return {
            "AWS_ENDPOINT_URL": self.address,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def fill(self, folder: Path, prefix: str = "") -> None:
        """Upload the files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(f"{prefix}{path.relative_to(folder).as_posix()}", path.read_bytes())

    def put(self, key: str, content: bytes) -> None:
        _backend().put_object("music", key, content)

    def remove(self, key: str) -> None:
        _backend().delete_object("music", key)

    def objects(self) -> list[str]:
        """What is in the bucket."""
        return sorted(_backend().buckets["music"].keys)


@contextmanager
def environment(settings: dict[str, str]) -> Iterator[None]:
    """Let the libraries of this process read these settings now, as in one that has only begun."""
    import s3fs

    with patch.dict("os.environ", settings):
        s3fs.S3FileSystem.clear_instance_cache()
        try:
            yield
        finally:
            s3fs.S3FileSystem.clear_instance_cache()


def _backend() -> Any:
    """What moto keeps, in this process: a client for each upload would take most of the time of a test."""
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"]


@contextmanager
def serve_bucket() -> Iterator[Bucket]:
    """Lend an empty bucket named `music`."""
    bucket = Bucket()
    server = make_server("127.0.0.1", 0, _Application(bucket), threaded=True, request_handler=_Quiet)
    server.daemon_threads = True  # type: ignore[attr-defined]
    bucket.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        _backend().reset()
        _backend().create_bucket("music", "us-east-1")
        yield bucket
    finally:
        server.shutdown()
        thread.join()


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, *_: Any) -> None: ...


class _Application:
    """moto's application, behind what a real bucket does to its readers."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket, self._moto = bucket, DomainDispatcherApplication(create_backend_app)
        self._lock, self._random = threading.Lock(), random.Random(7)

    def __call__(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        key = environ["PATH_INFO"].removeprefix("/music").strip("/")
        time.sleep(self._bucket.delay_s)
        if environ["REQUEST_METHOD"] != "GET":
            return self._moto(environ, start)  # type: ignore[no-any-return]
        if not key:
            self._bucket.lists += 1
            made_up = _made_up(environ["QUERY_STRING"], self._bucket.million)
            return self._moto(environ, start) if made_up is None else _answer(start, "200 OK", made_up)
        with self._lock:
            luck = self._random.random()
            wrong = luck < self._bucket.throttled + self._bucket.cut
            self._bucket.refused += wrong
        if luck < self._bucket.throttled:
            return _answer(start, "503 Slow Down", _SLOW_DOWN)
        body = self._moto(environ, start)
        return self._cut(body, key) if wrong else self._counted(body, key)

    def _cut(self, body: Iterable[bytes], key: str) -> Iterator[bytes]:
        content = b"".join(body)
        if not content:
            yield from self._counted([], key)
            return
        yield content[: len(content) // 2]
        raise ConnectionAbortedError("the double cuts the connection")

    def _counted(self, body: Iterable[bytes], key: str) -> Iterator[bytes]:
        yield from body
        with self._lock:
            self._bucket.reads[key] += 1


def _answer(start: Any, status: str, body: bytes) -> list[bytes]:
    start(status, [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
    return [body]


def _made_up(query: str, objects: int) -> bytes | None:
    """A page of a listing of objects that are not there, None where others are asked for."""
    if "made-up" not in query or not objects:
        return None
    first = int(query.partition("continuation-token=")[2].partition("&")[0] or 0)
    last = min(first + 1000, objects)
    entries = "".join(
        f"<Contents><Key>{escape(f'made-up/{number // 100:05d}/track{number:07d}_128bpm.wav')}</Key>"
        f"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;{number:032x}&quot;</ETag>"
        f"<Size>{1_000_000 + number}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        for number in range(first, last)
    )
    more = f"<NextContinuationToken>{last}</NextContinuationToken>" if last < objects else ""
    return (
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>music</Name>'
        f"<KeyCount>{last - first}</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>{str(last < objects).lower()}"
        f"</IsTruncated>{more}{entries}</ListBucketResult>"
    ).encode()
