"""A double of Freesound's API and of the server of its previews, with the quirks of both."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import soundfile

from tests.doubles.serving import serve
from tests.dummies import RATE, tone

KEY = "k3y-that-nobody-may-see-0123456789abcdef"
BY = "http://creativecommons.org/licenses/by/3.0/"


@cache
def ogg(sound_id: int) -> bytes:
    """A preview: a short tone, another one for every sound; made once, since its serial number is chance."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(0.3, 200 + 7 * (sound_id % 500)), RATE, format="OGG")
    return buffer.getvalue()


def limited(rate: str) -> tuple[int, str]:
    """The answer to one request too many."""
    return 429, f"Request was throttled because of exceeding a request limit rate ({rate})"


@dataclass
class FreesoundDouble:
    """What the double holds, how it misbehaves, and what it was asked.

    `nulls` are places of the index that answer null; `drift` moves the index by so many places after the first page,
    so that sounds come again; `failures` are answers (status, detail) that the next API requests get, each once;
    `gone` are previews that are not there, `cuts` how many bytes the next previews end after.
    """

    sounds: list[dict[str, Any]]
    url: str = ""
    nulls: set[int] = field(default_factory=set)
    drift: int = 0
    page_size: int = 150
    failures: list[tuple[int, str]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    cuts: list[int] = field(default_factory=list)
    preview: Callable[[int], bytes] = ogg
    searches: list[dict[str, str]] = field(default_factory=list)
    previews: list[int] = field(default_factory=list)
    keys_at_previews: list[str] = field(default_factory=list)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def search(self, asked: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer to a search: its page, or a 404 behind the last one."""
        page = int(asked.get("page") or 1)
        size = min(int(asked.get("page_size") or 15), self.page_size)
        start = (page - 1) * size - (self.drift if page > 1 else 0)
        shown = self.sounds[start : start + size]
        if self.sounds and not shown:
            return 404, {"detail": "Not found"}
        results = [
            None if place in self.nulls else {**sound, "previews": self._previews(sound["id"])}
            for place, sound in enumerate(shown, start)
        ]
        more = start + size < len(self.sounds)
        # No token in it, as the real one.
        following = (
            f"{self.url}/search/?&query={quote(asked.get('query', ''))}&weights=&page={page + 1}&page_size={size}"
        )
        document = {"count": len(self.sounds), "previous": None, "next": following if more else None}
        return 200, {**document, "results": results}

    def _previews(self, sound_id: int) -> dict[str, str]:
        return {"preview-hq-ogg": f"{self.url.removesuffix('/apiv2')}/previews/{sound_id}.ogg"}


def sound(sound_id: int, **changes: Any) -> dict[str, Any]:
    """What the API says of a sound."""
    plain = {
        "id": sound_id, "name": f"loop {sound_id}.wav", "tags": ["loop"], "username": f"user{sound_id % 7}",
        "license": BY, "gen_ai_preference": "no-additional-preferences", "created": "2018-01-15T00:02:51",
        "type": "wav", "duration": 0.3, "filesize": 1000, "md5": "0" * 32, "pack_name": None, "bpm": 120,
        "bpm_confidence": 1.0, "tonality": "C# minor", "tonality_confidence": 0.8, "category": ["Music", "Loop"],
    }  # fmt: skip
    return {**plain, **changes}


@contextmanager
def freesound(sounds: list[dict[str, Any]]) -> Iterator[FreesoundDouble]:
    """A double that holds these sounds; its `url` is what `ROLECALL_FREESOUND_URL` names."""
    double = FreesoundDouble(sounds)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/apiv2/search/":
                self._search({name: values[0] for name, values in parse_qs(parts.query).items()})
            elif parts.path.startswith("/previews/"):
                self._preview(int(parts.path.removeprefix("/previews/").removesuffix(".ogg")))
            else:
                self._send(404, b'{"detail": "Not found"}')

        def _search(self, asked: dict[str, str]) -> None:
            with double.guard:
                double.searches.append(asked)
                failure = double.failures.pop(0) if double.failures else None
            if self.headers.get("Authorization") != f"Token {KEY}":
                self._send(401, b'{"detail": "Invalid token"}')
            elif failure is not None:
                self._send(failure[0], json.dumps({"detail": failure[1]}).encode())
            else:
                status, document = double.search(asked)
                self._send(status, json.dumps(document).encode())

        def _preview(self, sound_id: int) -> None:
            with double.guard:
                double.previews.append(sound_id)
                double.keys_at_previews += [self.headers["Authorization"]] if "Authorization" in self.headers else []
                cut = double.cuts.pop(0) if double.cuts else None
            if sound_id in double.gone:
                self._send(404, b"")
            else:
                self._send(200, double.preview(sound_id), cut)

        def _send(self, status: int, body: bytes, cut: int | None = None) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if cut is not None:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body[:cut])

    with serve(Handler) as address:
        double.url = f"{address}/apiv2"
        yield double
