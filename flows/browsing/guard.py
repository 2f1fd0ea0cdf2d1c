"""Who may ask the server of the page: the browser that was given its token, on this machine, from the page itself."""

import hmac
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from starlette.datastructures import URL, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST: Final = "127.0.0.1"
_READING: Final = frozenset({"GET", "HEAD"})

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Refuses what no page of this server asks, and adds the headers that keep its pages to themselves.

    - `Host` must name this machine and port, so that no other name can be pointed here (DNS rebinding).
    - `Origin`, where a browser sends it, must be this server's, and whatever changes something must have it.
    - The token comes once in the address; from then on it is a cookie that scripts and other sites cannot use.
    """

    def __init__(self, app: ASGIApp, token: str, port: int) -> None:
        """Around an application that is served at a port of this machine."""
        self._app, self._token, self._cookie = app, token, f"rolecall_{port}"
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or let the application answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._answer(Request(scope)) or self._app
        await answer(scope, receive, send_with_headers)

    def _answer(self, request: Request) -> Response | None:
        """What is answered without asking the application; None lets it answer."""
        host, origin = request.headers.get("host", ""), request.headers.get("origin")
        if host not in self._hosts:
            return _refused("this server answers to its own name alone")
        if origin is None and request.method not in _READING:
            return _refused("a change has to come from the page")
        if origin is not None and origin != f"http://{host}":
            return _refused("another page asks")
        if self._is_token(request.query_params.get("token")):
            return self._with_cookie(request.url)
        if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
            return _refused("another page asks")
        if not self._is_token(request.cookies.get(self._cookie)):
            return _refused("open the address that rolecall browse printed: it bears the token of this server")
        return None

    def _is_token(self, word: str | None) -> bool:
        return word is not None and hmac.compare_digest(word.encode(), self._token.encode())

    def _with_cookie(self, url: URL) -> Response:
        """Send the browser to the same address without the token, which it keeps as a cookie."""
        query = urlencode([(name, value) for name, value in parse_qsl(url.query) if name != "token"])
        answer = RedirectResponse(f"{url.path}?{query}" if query else url.path, HTTPStatus.SEE_OTHER)
        answer.set_cookie(self._cookie, self._token, httponly=True, samesite="strict")
        return answer


def _refused(why: str) -> Response:
    return PlainTextResponse(f"rolecall: refused: {why}\n", HTTPStatus.FORBIDDEN)
