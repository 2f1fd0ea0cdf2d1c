"""What the page asks, and the answers: the catalogue as JSON, audio and pictures of its files, and corrections."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Any, Final, Self, TypeVar

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import FileResponse

from flows.browsing.correction_writer import CorrectionWriter
from flows.browsing.derived_files import DerivedFiles
from storage.published.follower import CatalogueFollower
from tasks.audio.errors import AudioError
from tasks.browsing.compatible import compatible_loops
from tasks.browsing.health import health, role_shares
from tasks.browsing.playable import convert_to_flac
from tasks.browsing.review import Doubt, doubtful_tracks
from tasks.browsing.spectrogram import draw_spectrogram
from tasks.browsing.track_filter import TrackFilter
from tasks.browsing.track_list import folders, track_page
from tasks.browsing.track_map import path_of_track, track_map
from tasks.browsing.waveform import LONGEST_S, peaks

Known = TypeVar("Known")

_MEDIA_TYPES: Final = {
    **dict.fromkeys((".wav", ".wave", ".bwf"), "audio/wav"),
    **dict.fromkeys((".ogg", ".oga", ".opus"), "audio/ogg"),
    **dict.fromkeys((".aif", ".aiff", ".aifc"), "audio/aiff"),
    **dict.fromkeys((".m4a", ".mp4"), "audio/mp4"),
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".webm": "audio/webm",
}


class SaidWords(BaseModel):
    """What a person says of a track; null takes a word back, and what is left out stays."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    bass: bool | None = None
    percussion: bool | None = None
    fx: bool | None = None
    melody: bool | None = None
    chords: bool | None = None
    vocal: bool | None = None
    bpm: float | None = Field(default=None, ge=20, le=400)
    first_downbeat_s: float | None = Field(default=None, ge=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("say something of a role, the tempo or the first bar line")
        return self


def catalogue_routes(catalogue: CatalogueFollower, corrections: CorrectionWriter) -> APIRouter:
    """Questions about the catalogue, each fixed; a person fills in values only."""
    routes = APIRouter(prefix="/api")
    shares = lru_cache(maxsize=1)(lambda version: role_shares(catalogue))

    @routes.get("/tracks")
    def tracks(wanted: Annotated[TrackFilter, Query()]) -> dict[str, Any]:
        return track_page(catalogue, wanted)

    @routes.get("/tracks/{track_id}")
    def track(track_id: int) -> dict[str, Any]:
        known = _found(track_map(catalogue, track_id))
        return {**known, "said": corrections.said(known["audio_hash"]) if known["audio_hash"] else {}}

    @routes.get("/tracks/{track_id}/compatible")
    def compatible(track_id: int, segment: int | None = None) -> list[dict[str, Any]]:
        return compatible_loops(catalogue, track_id, segment)

    @routes.get("/folders")
    def folders_that_begin(beginning: Annotated[str, Query(max_length=4096)] = "") -> list[dict[str, Any]]:
        return folders(catalogue, beginning)

    @routes.get("/doubtful")
    def doubtful(of: Doubt = Doubt.ROLES) -> dict[str, Any]:
        return doubtful_tracks(catalogue, of)

    @routes.get("/health")
    def state() -> dict[str, Any]:
        return health(catalogue)

    @routes.get("/role-shares")
    def role_shares_by_day() -> list[dict[str, Any]]:
        return shares(catalogue.version)

    return routes


def file_routes(catalogue: CatalogueFollower, derived: DerivedFiles) -> APIRouter:
    """The audio of a track as it is, with byte ranges, or as FLAC; and its spectrogram. Only by its number."""
    routes = APIRouter()

    @routes.get("/audio/{track_id}")
    def audio(track_id: int) -> FileResponse:
        path, _, _ = _found(path_of_track(catalogue, track_id))
        if not path.is_file():
            raise HTTPException(HTTPStatus.NOT_FOUND, f"{path} is not there any more")
        return FileResponse(path, media_type=_MEDIA_TYPES.get(path.suffix.lower(), "application/octet-stream"))

    @routes.get("/audio/{track_id}/flac")
    def audio_as_flac(track_id: int) -> FileResponse:
        path, digest, _ = _found(path_of_track(catalogue, track_id))
        return FileResponse(_derived(digest, ".flac", partial(convert_to_flac, path)), media_type="audio/flac")

    @routes.get("/spectrogram/{track_id}")
    def spectrogram(track_id: int) -> FileResponse:
        path, digest, duration_s = _found(path_of_track(catalogue, track_id))
        picture = _derived(digest, ".png", partial(draw_spectrogram, path, duration_s))
        return FileResponse(picture, media_type="image/png", headers={"Cache-Control": "private, max-age=86400"})

    @routes.get("/api/tracks/{track_id}/waveform")
    def waveform(
        track_id: int,
        start_s: Annotated[float, Query(ge=0, le=100_000)],
        seconds: Annotated[float, Query(gt=0, le=LONGEST_S)],
        columns: Annotated[int, Query(ge=1, le=4000)],
    ) -> list[float]:
        path, _, _ = _found(path_of_track(catalogue, track_id))
        with _refusals_told():
            return peaks(path, start_s, seconds, columns)

    def _derived(digest: str, extension: str, make: Callable[[Path], None]) -> Path:
        with _refusals_told():
            return derived.get(digest, extension, make)

    return routes


def correction_routes(catalogue: CatalogueFollower, corrections: CorrectionWriter) -> APIRouter:
    """The only writes: what a person says of a track, and undoing it."""
    routes = APIRouter(prefix="/api")

    @routes.get("/corrections")
    def state() -> dict[str, Any]:
        waiting = corrections.waiting()
        return {
            "waiting": waiting,
            "hindrance": corrections.hindrance if waiting else None,
            "undoable": corrections.undoable,
        }

    @routes.post("/tracks/{track_id}/words", status_code=HTTPStatus.ACCEPTED)
    def correct(track_id: int, words: SaidWords) -> dict[str, Any]:
        rows = catalogue.rows("SELECT audio_hash FROM tracks WHERE track_id = $track", track=track_id)
        sound = _found(rows or None)[0]["audio_hash"]
        if sound is None:
            raise HTTPException(HTTPStatus.CONFLICT, "this file has no labels yet; label it first, then correct it")
        corrections.correct(track_id, sound, words.model_dump(exclude_unset=True))
        return {"said": corrections.said(sound), **state()}

    @routes.post("/undo", status_code=HTTPStatus.ACCEPTED)
    def undo() -> dict[str, Any]:
        track_id = corrections.undo()
        if track_id is None:
            raise HTTPException(HTTPStatus.CONFLICT, "there is nothing to undo")
        return {"track_id": track_id, **state()}

    return routes


@contextmanager
def _refusals_told() -> Iterator[None]:
    """Answer with what is wrong with a file that cannot be decoded."""
    try:
        yield
    except AudioError as error:
        raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error.reason}: {error}") from None


def _found(known: Known | None) -> Known:
    """What was found; raises HTTPException 404 where nothing was."""
    if known is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "the catalogue has no such track")
    return known
