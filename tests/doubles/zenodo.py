"""A double of Zenodo: a record's JSON and its files, with ranges, and with the faults that servers have."""

import hashlib
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

from tests.doubles.serving import serve

RECORD = 3967852
CONTENT = re.compile(rf"(?:/api)?/records/{RECORD}/files/([^/?]+)(?:/content|\?download=1)")


@dataclass
class Zenodo:
    """What the double holds, how it misbehaves, and what it was asked.

    `cuts` are numbers of bytes after which the next answers with a file end, `statuses` what the next answers fail
    with; each is used up once. `per_minute` is how many requests it answers in a minute by `clock`, which its headers
    tell; one more is refused, with `Retry-After` if it is `polite`.
    """

    files: dict[str, bytes]
    url: str = ""
    ranges: bool = True
    wrong_digest: bool = False
    old_names: bool = False
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    clock: Callable[[], float] = time.time
    per_minute: int = 1_000_000
    polite: bool = True
    window_ends: float = 0.0
    left: int = 0
    refused: int = 0
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    bytes_sent: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def count(self) -> tuple[bool, dict[str, str]]:
        """Whether one more request is answered, and what the headers say of the rest."""
        now = self.clock()
        if now >= self.window_ends:
            self.window_ends, self.left = now + 60.0, self.per_minute
        granted, self.left = self.left > 0, max(0, self.left - 1)
        self.refused += not granted
        stated = {"Limit": self.per_minute, "Remaining": self.left, "Reset": math.ceil(self.window_ends)}
        headers = {f"X-RateLimit-{name}": str(value) for name, value in stated.items()}
        if not granted and self.polite:
            headers["Retry-After"] = str(math.ceil(self.window_ends - now))
        return granted, headers

    def record(self) -> dict[str, Any]:
        """The record as the REST API gives it."""
        return {"id": RECORD, "conceptrecid": "3967851", "files": [self._entry(name) for name in self.files]}

    def _entry(self, name: str) -> dict[str, Any]:
        content = b"another" if self.wrong_digest else self.files[name]
        md5 = hashlib.md5(content).hexdigest()
        if self.old_names:
            return {"filename": name, "filesize": len(self.files[name]), "checksum": md5}
        link = f"{self.url}/records/{RECORD}/files/{name}/content"
        return {"key": name, "size": len(self.files[name]), "checksum": f"md5:{md5}", "links": {"self": link}}


@contextmanager
def zenodo(files: dict[str, bytes]) -> Iterator[Zenodo]:
    """A double that holds these files; its `url` is what `ROLECALL_ZENODO_URL` names."""
    double = Zenodo(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        limits: ClassVar[dict[str, str]] = {}

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            with double.guard:
                double.asked.append((self.path, self.headers.get("Range")))
                status = double.statuses.pop(0) if double.statuses else None
                granted, self.limits = double.count()
            if not granted:
                self._send(429, b'{"message": "429 Too Many Requests"}')
            elif status is not None:
                self._send(status, b'{"message": "no"}')
            elif self.path == f"/api/records/{RECORD}":
                self._send(200, json.dumps(double.record()).encode())
            elif match := CONTENT.fullmatch(self.path):
                self._send_file(double.files.get(match.group(1)))
            else:
                self._send(404, b"{}")

        def _send_file(self, content: bytes | None) -> None:
            if content is None:
                self._send(404, b"{}")
                return
            asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
            if not (asked and double.ranges):
                self._send(200, content, may_be_cut=True)
                return
            start, end = int(asked.group(1)), min(int(asked.group(2) or len(content)) + 1, len(content))
            if start >= len(content):
                self._send(416, b"", {"Content-Range": f"bytes */{len(content)}"})
                return
            stated = {"Content-Range": f"bytes {start}-{end - 1}/{len(content)}"}
            self._send(206, content[start:end], stated, may_be_cut=True)

        def _send(
            self, status: int, body: bytes, headers: dict[str, str] | None = None, *, may_be_cut: bool = False
        ) -> None:
            with double.guard:
                cut = double.cuts.pop(0) if double.cuts and may_be_cut else None
                double.bytes_sent += len(body[:cut])
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            for name, value in {**(headers or {}), **self.limits}.items():
                self.send_header(name, value)
            if cut is not None:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body[:cut])

    with serve(Handler) as address:
        double.url = f"{address}/api"
        yield double
