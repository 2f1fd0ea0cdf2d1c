"""How the double of Freesound logs people in: codes, tokens, and when they end."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import urlencode

CLIENT_ID = "rolecall-test-client"
CODE_S, TOKEN_S = 600.0, 86_399.0


@dataclass
class Logins:
    """The logins of one application; every secret that it ever gave is in `given`.

    `denies` is a person who does not allow the application.
    """

    secret: str
    clock: Callable[[], float]
    denies: bool = False
    given: list[str] = field(default_factory=list)
    codes: dict[str, float] = field(default_factory=dict)
    access: str | None = None
    refresh: str | None = None
    ends_at: float = 0.0
    grants: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=count)

    def authorise(self, asked: dict[str, str]) -> tuple[int, str]:
        """Where a person's browser is sent: the page with the code, or with the error."""
        if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code":
            return 400, ""
        if self.denies:
            return 302, "?" + urlencode({"error": "access_denied"})
        code = self._new("c0de")
        self.codes[code] = self.clock() + CODE_S
        return 302, "?" + urlencode({"code": code})

    def grant(self, form: dict[str, str]) -> tuple[int, dict[str, Any]]:
        """The answer of the token route; one token at a time, so new ones end the old ones."""
        self.grants.append(form.get("grant_type", ""))
        if form.get("client_id") != CLIENT_ID or form.get("client_secret") != self.secret:
            return 401, {"error": "invalid_client"}
        if "grant_type" not in form:
            return 400, {"error": "invalid_request"}
        if form["grant_type"] == "authorization_code":
            good = self.codes.pop(form.get("code", ""), 0.0) > self.clock()
        elif form["grant_type"] == "refresh_token":
            good = self.refresh is not None and form.get("refresh_token") == self.refresh
        else:
            return 400, {"error": "unsupported_grant_type"}
        if not good:
            return 400, {"error": "invalid_grant"}
        self.access, self.refresh = self._new("acc3ss"), self._new("r3fresh")
        self.ends_at = self.clock() + TOKEN_S
        return 200, {
            "access_token": self.access, "scope": "read write read+write", "expires_in": int(TOKEN_S),
            "refresh_token": self.refresh,
        }  # fmt: skip

    def knows(self, token: str) -> bool:
        """Whether a token is good now."""
        return token == self.access and self.clock() < self.ends_at

    def _new(self, kind: str) -> str:
        self.given.append(f"{kind}-{next(self._numbers)}-that-nobody-may-see")
        return self.given[-1]
