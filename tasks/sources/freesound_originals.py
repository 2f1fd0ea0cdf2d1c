"""Downloading the original files of Freesound's sounds, with a login."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests

from storage.files import atomic_path
from tasks.http.client import RetryPolicy, TransientError, get, retrying
from tasks.sources.freesound import check_answer
from tasks.sources.freesound_login import Login, LoginError

_CHUNK: Final = 1 << 16
_UNAUTHORISED: Final = 401


@dataclass(frozen=True)
class Originals:
    """Downloads original files from the API at `base`; `granted` waits for the quota before every request."""

    base: str
    login: Login
    session: requests.Session = field(repr=False)
    granted: Callable[[], None]
    retries: RetryPolicy
    clock: Callable[[], float]

    def fetch(self, sound: dict[str, Any], target: Path) -> None:
        """Download the original of a search result to `target`, whole and with the digest that the search named.

        Raises GoneError if it is not there any more, LoginError if the login is not good, DayQuotaError when the
        day's requests are used up, RequestError if the server fails.
        """
        url = f"{self.base.rstrip('/')}/sounds/{int(sound['id'])}/download/"
        refused: str | None = None

        def once() -> None:
            nonlocal refused
            self.granted()
            token = self.login.token(refused)

            def check(answer: requests.Response) -> None:
                nonlocal refused
                if answer.status_code == _UNAUTHORISED and refused is None:
                    # Another process may have renewed the login, which ended this token early.
                    refused = token
                    raise TransientError("the token was refused", 0.0)
                if answer.status_code == _UNAUTHORISED:
                    raise LoginError("Freesound refuses the login; run rolecall fetch freesound-login again")
                check_answer(answer, token, self.clock)

            with get(self.session, url, {"Authorization": f"Bearer {token}"}, checked=check) as answer:
                _keep(answer, sound, target)

        retrying(once, self.retries)


def _keep(answer: requests.Response, sound: dict[str, Any], target: Path) -> None:
    """Write a body to `target`, if its digest is the one that the search named; raises TransientError if it is not."""
    # The API's md5 is of the original, so that it can be checked here; that of a preview is nowhere.
    digest = hashlib.md5(usedforsecurity=False)
    with atomic_path(target) as temporary:
        with temporary.open("wb") as out:
            for chunk in answer.iter_content(_CHUNK):
                digest.update(chunk)
                out.write(chunk)
        stated = sound.get("md5")
        if isinstance(stated, str) and stated and stated.lower() != digest.hexdigest():
            raise TransientError(f"{sound['id']}: other bytes came than those whose md5 the search named")
