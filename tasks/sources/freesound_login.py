"""Logging in to Freesound by OAuth2: a page to open, a code to type, and tokens that renew themselves.

The steps are those of RFC 6749, section 4.1 (authorisation code) and section 6 (refreshing).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from storage.accounts.tokens import Tokens, TokenStore
from tasks.http.client import RequestError, RetryPolicy, TransientError, post, retrying, shown

_EARLY_S: Final = 60.0
"""Tokens are renewed so long before they expire, in seconds: a request in flight should not outlive its token."""


class LoginError(Exception):
    """There is no login, or it is no longer good; only a person can mend that, by logging in again."""


@dataclass(frozen=True)
class Application:
    """An application as Freesound knows it; `secret` is its API key. It never travels in an address."""

    base: str
    client_id: str
    secret: str = field(repr=False)
    session: requests.Session = field(repr=False)
    retries: RetryPolicy
    clock: Callable[[], float]

    @property
    def page(self) -> str:
        """The page on which a person allows this application to act for them; it shows a code then."""
        asked = urlencode({"client_id": self.client_id, "response_type": "code"})
        return f"{self.base.rstrip('/')}/oauth2/authorize/?{asked}"

    def exchange(self, code: str) -> Tokens:
        """Tokens for a code, which is good once and for ten minutes; raises LoginError if it is not good.

        Raises RequestError if the server fails.
        """
        return self._ask({"grant_type": "authorization_code", "code": code})

    def renew(self, tokens: Tokens) -> Tokens:
        """New tokens for old ones, which end by it; raises LoginError if they are not good, else as `exchange`."""
        return self._ask({"grant_type": "refresh_token", "refresh_token": tokens.refresh})

    def _ask(self, grant: dict[str, str]) -> Tokens:
        url = f"{self.base.rstrip('/')}/oauth2/access_token/"
        if urlsplit(url).scheme != "https" and urlsplit(url).hostname not in ("127.0.0.1", "localhost", "::1"):
            raise LoginError(f"{shown(url)}: a login travels only over https; correct the address")
        form = {"client_id": self.client_id, "client_secret": self.secret, **grant}

        def once() -> Any:
            with post(self.session, url, form, _check_login) as answer:
                return answer.json()

        document = retrying(once, self.retries)
        try:
            expires_at = self.clock() + float(document["expires_in"])
            return Tokens(str(document["access_token"]), str(document["refresh_token"]), expires_at)
        except (KeyError, TypeError, ValueError):
            raise RequestError(f"{shown(url)}: the answer holds no tokens") from None


@dataclass(frozen=True)
class Login:
    """A person's login: the token to ask with, renewed when it is about to expire or was refused."""

    application: Application
    store: TokenStore = field(repr=False)

    def token(self, refused: str | None = None) -> str:
        """A token that is good now, another one than `refused`.

        Parallel processes renew once: the first does it, the others read what it got. Raises LoginError if nobody
        logged in or the login is no longer good, RequestError if the server fails.
        """
        with self.store.exclusive():
            tokens = self.store.read()
            if tokens is None:
                raise LoginError("nobody is logged in to Freesound; run rolecall fetch freesound-login")
            if tokens.access == refused or tokens.expires_at - _EARLY_S <= self.application.clock():
                tokens = self.application.renew(tokens)
                self.store.write(tokens)
            return tokens.access


def read_code(typed: str) -> str:
    """The code in what a person typed: the code itself, or the address of the page that shows it.

    Raises LoginError if there is none.

    >>> read_code(" abc "), read_code("https://freesound.org/home/granted/?code=abc")
    ('abc', 'abc')
    """
    text = typed.strip()
    if "://" in text:
        said = parse_qs(urlsplit(text).query)
        if "error" in said:
            raise LoginError("Freesound says that access was denied; nothing was kept")
        text = said.get("code", [""])[0]
    if not text or not text.isascii() or any(sign.isspace() for sign in text):
        raise LoginError("there is no code in that; open the page again and copy the code that it shows")
    return text


def _check_login(answer: requests.Response) -> None:
    """Raise what an answer to a grant means; it may echo what was sent, so only known words of it are repeated."""
    status = answer.status_code
    if status < 300:
        return
    where = shown(answer.url)
    if status == 429 or status >= 500:
        raise TransientError(f"{where}: answered {status}")
    try:
        said = answer.json().get("error")
    except (requests.JSONDecodeError, AttributeError):
        said = None
    if said == "invalid_client":
        raise LoginError(f"{where}: Freesound does not know this application; check its client id and secret")
    if status == 400:
        reason = said if said in _SAID else "invalid_grant"
        raise LoginError(f"{where}: not granted ({reason}); run rolecall fetch freesound-login again")
    raise RequestError(f"{where}: answered {status}")


_SAID: Final = (
    "invalid_request", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope",
)  # fmt: skip
