"""Freesound's API: searching page by page, previews, and the metadata of a sound."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from storage.accounts.quota import DAY_S, MINUTE_S, DayQuotaError
from storage.files import write_bytes_atomically
from storage.loops.licences import parse_freesound_licence
from storage.loops.search_pages import SearchPages
from storage.loops.table import Loop
from storage.vocabulary import BpmSource, Reason, Refusal
from tasks.audio.decoding import EXTENSIONS
from tasks.http.client import GoneError, RequestError, RetryPolicy, TransientError, get, retrying, shown
from tasks.http.pacing import stated_wait
from tasks.metadata.key_names import parse_key
from tasks.metadata.tempo_text import is_tempo
from tasks.sources.api_fields import number_field, text_field

DEFAULT_URL: Final = "https://freesound.org/apiv2"
PAGE_SIZE: Final = 150
PREVIEW: Final = "preview-hq-ogg"
FIELDS: Final = (
    "id", "name", "tags", "username", "license", "gen_ai_preference", "created", "type", "duration", "filesize", "md5",
    "pack_name", "previews", "category", "bpm", "bpm_confidence", "tonality", "tonality_confidence", "loopable",
)  # fmt: skip


@dataclass(frozen=True)
class Freesound:
    """A client of the API at `base`; `granted` waits for the quota before every request.

    The key is sent in a header, only to the API; it is in no address, no message and no representation.
    """

    base: str
    key: str = field(repr=False)
    session: requests.Session = field(repr=False)
    granted: Callable[[], None]
    retries: RetryPolicy
    clock: Callable[[], float]

    def search(self, query: str, filters: str, page: int) -> dict[str, Any]:
        """One page of a search, oldest sounds first; raises GoneError behind the last one.

        Raises DayQuotaError when the day's requests are used up, and RequestError for what asking again won't mend.
        """
        params = {
            "query": query, "filter": filters, "sort": "created_asc", "page": str(page), "page_size": str(PAGE_SIZE),
            "fields": ",".join(FIELDS),
        }  # fmt: skip
        # A filter that is there but blank is refused by the server.
        return self._ask(f"{self.base.rstrip('/')}/search/", {name: text for name, text in params.items() if text})

    def _ask(self, url: str, params: dict[str, str]) -> dict[str, Any]:
        def once() -> dict[str, Any]:
            self.granted()
            headers = {"Authorization": f"Token {self.key}"}
            with get(self.session, url, headers, params, self._check) as answer:
                document = answer.json()
            if not isinstance(document, dict):
                raise TransientError(f"{shown(url)}: the answer is no object")
            return document

        return retrying(once, self.retries)

    def _check(self, answer: requests.Response) -> None:
        check_answer(answer, self.key, self.clock)


def check_answer(answer: requests.Response, secret: str, clock: Callable[[], float]) -> None:
    """Raise what an answer of the API means; only its `detail` tells the limits apart. `secret` is never repeated.

    Raises DayQuotaError, TransientError, GoneError or RequestError.
    """
    status = answer.status_code
    if status < 400:
        return
    said = f"{shown(answer.url)}: {status}, {_detail(answer).replace(secret, '…')}"
    if status == 429 and "/day" in said:
        raise DayQuotaError(clock() + DAY_S)
    if status == 429 and "suspended" not in said:
        stated = stated_wait(answer.headers, clock())
        raise TransientError(said, MINUTE_S if stated is None else stated)
    if status in (404, 410):
        raise GoneError(said)
    if status >= 500:
        raise TransientError(said)
    raise RequestError(said)


def _detail(answer: requests.Response) -> str:
    try:
        detail = answer.json().get("detail")
    except (requests.JSONDecodeError, AttributeError):
        detail = None
    return str(detail or answer.reason)[:300]


def list_sounds(client: Freesound, listing: SearchPages, query: str, filters: str, limit: int | None) -> None:
    """Read pages into `listing`, from where it stands, until the last one or until `limit` sounds are on them.

    What was read stays in `listing` whatever is raised: DayQuotaError or RequestError.
    """
    pages = listing.pages()
    while not (pages and pages[-1].get("next") is None):
        if limit is not None and sum(1 for _ in sounds_on(pages)) >= limit:
            return
        number = len(pages) + 1
        try:
            page = client.search(query, filters, number)
        except GoneError:
            if number == 1:
                raise
            # The index shrank under the search: the page that `next` promised is not there any more.
            page = {"next": None, "results": []}
        listing.add(number, page)
        pages.append(page)


def sounds_on(pages: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The sounds on some pages, each once: results may be null, and come again when the index moves."""
    seen: set[int] = set()
    for page in pages:
        results = page.get("results")
        for sound in results if isinstance(results, list) else []:
            sound_id = sound.get("id") if isinstance(sound, dict) else None
            if isinstance(sound_id, int) and sound_id not in seen:
                seen.add(sound_id)
                yield sound


def place(sound_id: int) -> str:
    """The name of a sound of this source in the view `errors`."""
    return f"freesound:{sound_id}"


def describe_preview(sound: dict[str, Any], folder: Path) -> Loop | Refusal:
    """A search result as a loop whose preview is still to be fetched; or why it is refused."""
    if preview_of(sound) is None:
        return place(int(sound["id"])), Reason.VANISHED, f"has no {PREVIEW}"
    return _describe(sound, folder / f"{int(sound['id'])}.ogg", PREVIEW)


def describe_original(sound: dict[str, Any], folder: Path) -> Loop | Refusal:
    """A search result as a loop whose original file is still to be fetched; or why it is refused."""
    kind = text_field(sound, "type") or ""
    if f".{kind}" not in EXTENSIONS:
        return place(int(sound["id"])), Reason.UNSUPPORTED_CODEC, f"is of type {kind!r}, which no decoder takes"
    return _describe(sound, folder / f"{int(sound['id'])}.{kind}", "original")


def _describe(sound: dict[str, Any], path: Path, file: str) -> Loop | Refusal:
    sound_id = int(sound["id"])
    licence = sound.get("license")
    if not isinstance(licence, str) or parse_freesound_licence(licence) is None:
        return place(sound_id), Reason.LICENCE, f"its licence is {licence!r}, none of Freesound's"
    author, bpm = text_field(sound, "username"), number_field(sound, "bpm")
    if bpm is not None and not is_tempo(bpm):
        bpm = None
    # A confidence of 1 says that the tempo was read from the uploader's own words.
    source = BpmSource.TAG if number_field(sound, "bpm_confidence") == 1.0 else BpmSource.ESTIMATE
    key, mode = parse_key(text_field(sound, "tonality") or "")
    kept = ("name", "gen_ai_preference", "created", "type", "pack_name", "category", "md5")
    extra = {
        "sound_id": sound_id,
        **{name: text_field(sound, name) for name in kept},
        "author_url": f"https://freesound.org/people/{author}/" if author else None,
        "tags": [tag for tag in sound.get("tags") or [] if isinstance(tag, str)],
        "bpm_confidence": number_field(sound, "bpm_confidence"),
        "tonality_confidence": number_field(sound, "tonality_confidence"),
        "loopable": sound.get("loopable") if isinstance(sound.get("loopable"), bool) else None,
        "file": file,
    }
    return Loop(
        loop_id="",
        source="freesound",
        path=str(path),
        sha256="",
        duration_s=0.0,
        roles=(),
        group=f"freesound:{author or sound_id}",
        bpm=bpm,
        bpm_source=source if bpm is not None else None,
        key=key,
        mode=mode,
        licence=licence,
        author=author,
        url=f"https://freesound.org/s/{sound_id}/",
        extra=json.dumps(extra, sort_keys=True),
        key_source="estimate" if key else None,
    )


def preview_of(sound: dict[str, Any]) -> str | None:
    """The address of a sound's preview; None if it has none."""
    previews = sound.get("previews")
    address = previews.get(PREVIEW) if isinstance(previews, dict) else None
    return address if isinstance(address, str) else None


def fetch_preview(url: str, target: Path, session: requests.Session, retries: RetryPolicy) -> None:
    """Download a preview to `target`, whole or not at all; it needs no key and counts against no quota.

    Raises GoneError if it is not there any more, RequestError if the server fails.
    """

    def once() -> bytes:
        with get(session, url) as answer:
            return answer.content

    write_bytes_atomically(target, retrying(once, retries))
