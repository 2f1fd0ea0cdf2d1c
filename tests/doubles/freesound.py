"""A double of Freesound: its API, its logins and the server of its previews, with the quirks of all three."""

import hashlib
import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import soundfile
from numpy.typing import NDArray

from tests.doubles.freesound_index import RefusedError, Sound, chosen, find, page_of
from tests.doubles.freesound_login import Logins
from tests.doubles.serving import serve
from tests.support.dummies import LOOPS, RATE, Signal, tone

KEY = "k3y-that-nobody-may-see-0123456789abcdef"
BY = "http://creativecommons.org/licenses/by/3.0/"
_PREVIEW = re.compile(r"/previews/(\d+)/(\d+)_\d+-hq\.ogg")
_SOUND = re.compile(r"/apiv2/sounds/(\d+)/(download/)?")


_REAL = sorted(LOOPS.glob("*.ogg"))
"""The first sounds are real loops, the others short tones, another one for each."""


@cache
def ogg(sound_id: int) -> bytes:
    """A preview; made once, since the serial number of an Ogg file is chance."""
    if 1 <= sound_id <= len(_REAL):
        return _REAL[sound_id - 1].read_bytes()
    return _encoded(_tone(sound_id), RATE, "OGG")


@cache
def wav(sound_id: int) -> bytes:
    """An original: the same, nothing lost."""
    if 1 <= sound_id <= len(_REAL):
        return _encoded(*soundfile.read(_REAL[sound_id - 1]), "WAV")
    return _encoded(_tone(sound_id), RATE, "WAV")


def _tone(sound_id: int) -> Signal:
    return tone(0.3, 200 + 7 * (sound_id % 500))


def _encoded(samples: NDArray[Any], rate: int, kind: str) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format=kind)
    return buffer.getvalue()


def limited(rate: str) -> tuple[int, str]:
    """The answer to one request too many."""
    return 429, f"Request was throttled because of exceeding a request limit rate ({rate})"


@dataclass
class FreesoundDouble:
    """What the double holds, how it misbehaves, and what it was asked.

    `nulls` are places of the index that answer null; `drift` moves the index by so many places after the first page,
    so that sounds come again; `failures` are answers (status, detail) that the next API requests get, each once;
    `gone` are sounds whose files are not there, `cuts` how many bytes the next files end after, `stalls` after how
    many bytes the next files pause and for how many seconds, `short_lengths` by how many bytes the next files state
    too short a length. `per_minute` and `per_day` are the limits, by `clock`; a request that is refused is not counted.
    """

    sounds: list[Sound]
    url: str = ""
    clock: Callable[[], float] = time.time
    per_minute: int = 60
    per_day: int = 2000
    suspended: bool = False
    nulls: set[int] = field(default_factory=set)
    drift: int = 0
    page_size: int = 150
    failures: list[tuple[int, str]] = field(default_factory=list)
    gone: set[int] = field(default_factory=set)
    cuts: list[int] = field(default_factory=list)
    stalls: list[tuple[int, float]] = field(default_factory=list)
    short_lengths: list[int] = field(default_factory=list)
    searches: list[dict[str, str]] = field(default_factory=list)
    previews: list[int] = field(default_factory=list)
    downloads: list[int] = field(default_factory=list)
    keys_at_previews: list[str] = field(default_factory=list)
    counted: list[float] = field(default_factory=list)
    refused: int = 0
    guard: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.logins = Logins(KEY, lambda: self.clock())

    def preview_of(self, sound_id: int) -> str:
        """Where a preview lies: on another server, which asks for no key."""
        return f"{self.url.removesuffix('/apiv2')}/previews/{sound_id // 1000}/{sound_id}_7-hq.ogg"

    def answer(self, path: str, asked: dict[str, str], authorisation: str) -> dict[str, Any] | bytes:
        """What a GET of the API gives: a document or a file; raises RefusedError."""
        with self.guard:
            by_login = self._authenticate(asked.pop("token", None), authorisation)
            self._throttle()
            searching = path in ("/apiv2/search/", "/apiv2/search/text/")
            if searching:
                self.searches.append(asked)
            if self.failures:
                raise RefusedError(*self.failures.pop(0))
            if searching:
                found = find(self.sounds, asked)
                return page_of(found, asked, self.url, self.page_size, self.drift, lambda *of: self._shown(asked, *of))
            if match := _SOUND.fullmatch(path):
                return self._sound(int(match[1]), asked, bool(match[2]), by_login)
            raise RefusedError(404, "Not found")

    def _authenticate(self, token: str | None, authorisation: str) -> bool:
        """Whether somebody is logged in, rather than only an application known by its key."""
        kind, _, word = authorisation.partition(" ")
        if kind.lower() == "bearer":
            if not self.logins.knows(word):
                raise RefusedError(401, "Authentication credentials were not provided.")
            return True
        if kind.lower() != "token" and token is None:
            raise RefusedError(401, "Authentication credentials were not provided.")
        if (word if kind else token) != KEY:
            raise RefusedError(401, "Invalid token")
        if self.suspended:
            raise RefusedError(401, "Suspended token or token pending for approval")
        return False

    def _throttle(self) -> None:
        now = self.clock()
        for rate, most, seconds in (("minute", self.per_minute, 60.0), ("day", self.per_day, 86_400.0)):
            if sum(stamp > now - seconds for stamp in self.counted) >= most:
                self.refused += 1
                raise RefusedError(*limited(f"{most}/{rate}"))
        self.counted.append(now)

    def _shown(self, asked: dict[str, str], place: int, sound: Sound) -> Sound | None:
        return None if place in self.nulls else chosen(self._whole(sound), asked.get("fields"))

    def _whole(self, sound: Sound) -> Sound:
        address = {"download": f"{self.url}/sounds/{sound['id']}/download/"}
        return {**sound, **address, "previews": {"preview-hq-ogg": self.preview_of(sound["id"])}}

    def _sound(self, sound_id: int, asked: dict[str, str], download: bool, by_login: bool) -> Sound | bytes:
        if download:
            self.downloads.append(sound_id)
        found = next((sound for sound in self.sounds if sound["id"] == sound_id), None)
        if download and not by_login:
            raise RefusedError(401, "Authentication credentials were not provided.")
        if found is None or (download and sound_id in self.gone):
            raise RefusedError(404, "Not found")
        return wav(sound_id) if download else chosen(self._whole(found), asked.get("fields") or "*") or {}


def sound(sound_id: int, **changes: Any) -> Sound:
    """What the API says of a sound."""
    plain = {
        "id": sound_id, "name": f"loop {sound_id}.wav", "tags": ["loop", "drums"], "username": f"user{sound_id % 7}",
        "license": BY, "gen_ai_preference": "no-additional-preferences", "created": "2018-01-15T00:02:51",
        "type": "wav", "duration": 0.3, "filesize": len(wav(sound_id)),
        "md5": hashlib.md5(wav(sound_id)).hexdigest(), "pack_name": None, "bpm": 120,
        "bpm_confidence": 1.0, "tonality": "C# minor", "tonality_confidence": 0.8, "category": ["Music", "Loop"],
        "loopable": True,
    }  # fmt: skip
    return {**plain, **changes}


@contextmanager
def freesound(sounds: list[Sound], clock: Callable[[], float] = time.time) -> Iterator[FreesoundDouble]:
    """A double that holds these sounds; its `url` is what `ROLECALL_FREESOUND_URL` names."""
    double = FreesoundDouble(sounds, clock=clock)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
            if match := _PREVIEW.fullmatch(parts.path):
                self._preview(int(match[2]))
            elif parts.path in ("/apiv2/oauth2/authorize/", "/apiv2/oauth2/logout_and_authorize/"):
                status, query = double.logins.authorise(asked)
                self._send(status, b"", {"Location": f"/home/app_permissions/permission_granted/{query}"})
            else:
                self._api(parts.path, asked)

        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
            if urlsplit(self.path).path != "/apiv2/oauth2/access_token/":
                self._send(404, b'{"detail": "Not found"}')
                return
            with double.guard:
                status, document = double.logins.grant({name: values[0] for name, values in form.items()})
            self._send(status, json.dumps(document).encode())

        def _api(self, path: str, asked: dict[str, str]) -> None:
            try:
                answer = double.answer(path, asked, self.headers.get("Authorization", ""))
            except RefusedError as error:
                realm = {"WWW-Authenticate": 'Bearer realm="api"'} if error.status == 401 else {}
                self._send(error.status, json.dumps({"detail": error.detail}).encode(), realm)
            else:
                if isinstance(answer, bytes):
                    self._send_file(answer)
                else:
                    self._send(200, json.dumps(answer).encode())

        def _preview(self, sound_id: int) -> None:
            with double.guard:
                double.previews.append(sound_id)
                double.keys_at_previews += [self.headers["Authorization"]] if "Authorization" in self.headers else []
            if sound_id in double.gone:
                self._send(404, b"")
            else:
                self._send_file(ogg(sound_id))

        def _send_file(self, body: bytes) -> None:
            with double.guard:
                cut = double.cuts.pop(0) if double.cuts else len(body)
                stall, seconds = double.stalls.pop(0) if double.stalls else (0, 0.0)
                missing = double.short_lengths.pop(0) if double.short_lengths else 0
            self.close_connection = self.close_connection or cut < len(body) or missing > 0
            self._head(200, len(body) - missing, {"Content-Type": "application/octet-stream"})
            self.wfile.write(body[: min(stall, cut)])
            if seconds:
                self.wfile.flush()
                time.sleep(seconds)
            self.wfile.write(body[stall:cut])

        def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self._head(status, len(body), headers or {})
            self.wfile.write(body)

        def _head(self, status: int, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            for name, value in headers.items():
                self.send_header(name, value)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()

    with serve(Handler) as address:
        double.url = f"{address}/apiv2"
        yield double
