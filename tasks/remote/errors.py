"""What a store's refusal of an object means: vanished, forbidden, throttled, or a connection that was cut."""

from collections.abc import Iterator
from typing import Final

from storage.vocabulary import Reason
from tasks.audio.errors import AudioError

_BY_STATUS: Final = {
    401: Reason.PERMISSION,
    403: Reason.PERMISSION,
    404: Reason.VANISHED,
    410: Reason.VANISHED,
    429: Reason.THROTTLED,
    503: Reason.THROTTLED,
}
_BY_CODE: Final = {
    "SlowDown": Reason.THROTTLED,
    "Throttling": Reason.THROTTLED,
    "RequestLimitExceeded": Reason.THROTTLED,
}
_SENTENCES: Final = {
    Reason.VANISHED: "no such object",
    Reason.PERMISSION: "may not be read with the credentials of this worker",
    Reason.THROTTLED: "the store asks for fewer requests",
    Reason.NETWORK: "the connection failed",
}


def store_error(error: BaseException) -> AudioError:
    """The reason code of what a store's library raised; its own text, which may show a signed request, is left out."""
    reason = _reason(error)
    return AudioError(reason, f"{_SENTENCES[reason]} ({type(error).__name__})")


def _reason(error: BaseException) -> Reason:
    for one in _chain(error):
        response = getattr(one, "response", None)
        code, status = None, getattr(one, "status", None) or getattr(one, "status_code", None)
        if isinstance(response, dict):
            code = response.get("Error", {}).get("Code")
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if (reason := _BY_CODE.get(str(code)) or _BY_STATUS.get(_number(status))) is not None:
            return reason
        if type(one).__name__ in ("NoCredentialsError", "PartialCredentialsError"):
            return Reason.PERMISSION
    if isinstance(error, FileNotFoundError):
        return Reason.VANISHED
    return Reason.PERMISSION if isinstance(error, PermissionError) else Reason.NETWORK


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, and those that it came from."""
    one: BaseException | None = error
    while one is not None:
        yield one
        one = one.__cause__ or one.__context__


def _number(status: object) -> int:
    return int(status) if isinstance(status, int | str) and str(status).isdecimal() else 0
