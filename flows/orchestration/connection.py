"""Making Prefect ready for a flow: with the server that the user named, else with a private one."""

import os
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

from flows.orchestration import prefect_database as database
from flows.orchestration.prefect_settings import (
    NamedServer,
    home_of_user,
    named_server,
    replace_settings,
    settings_of_named,
)
from flows.orchestration.private_server import PrivateServer
from flows.terminal.streams import say
from storage.errors import UserError

_private: PrivateServer | None = None


def connect_prefect(home: Path) -> None:
    """Set Prefect up, before it is first imported, and see that its server answers; `home` is where its files go.

    Raises UserError if a server that the user named does not answer, ServerFailedError if a private one fails.
    """
    named = named_server()
    if named is None:
        _start_private(_usable_home(home))
    else:
        use_server(named, home)
        require_server(named, "start it, name another, or take the name away and rolecall brings its own")


def use_server(server: NamedServer, home: Path) -> None:
    """Set Prefect up for a server that somebody named."""
    replace_settings(settings_of_named(server, _usable_home(home)))
    if server.is_local:
        _ask_without_proxies()


def require_server(server: NamedServer, remedy: str) -> None:
    """Raise UserError, with what to do about it, unless a server answers."""
    from prefect.client.orchestration import get_client

    try:
        with get_client(sync_client=True) as client:
            failure = client.api_healthcheck()
    except Exception as error:
        failure = error
    if failure is not None:
        raise UserError(f"no Prefect server answers at {server.address} ({server.origin}): {failure}; {remedy}")


def private_server_told() -> str:
    """What the private server wrote, as the end of a sentence; nothing where there is none."""
    return _private.told() if _private else ""


def _start_private(home: Path) -> None:
    global _private
    _private = PrivateServer(home)
    replace_settings(_private.settings)
    _ask_without_proxies()
    import prefect  # noqa: F401  # while the server does the same

    _private.wait()


def _usable_home(own: Path) -> Path:
    """The user's PREFECT_HOME where it can be used, else `own`."""
    chosen = Path(os.environ.get("PREFECT_HOME") or own).absolute()
    if chosen != own:
        reason = _unusable(chosen)
        if reason is None:
            return chosen
        say(f"PREFECT_HOME {reason}; Prefect's files are kept in {own}")
    own.mkdir(parents=True, exist_ok=True)
    if home_of_user() is None:
        os.environ["HOME"] = str(own)  # Prefect does not start where the system knows no home of this user
    if not database.fits(own):
        database.set_aside(own)
    return own


def _unusable(home: Path) -> str | None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return f"{home} cannot be made ({error.strerror})"
    if not os.access(home, os.W_OK | os.X_OK):
        return f"{home} cannot be written"
    return None if database.fits(home) else f"{home} holds a {database.DATABASE} of another version of Prefect"


@cache
def _ask_without_proxies() -> None:
    """Have httpx, through which Prefect asks, believe nothing of the environment.

    A proxy there leads to other machines; one of a kind that httpx does not know would stop it, wanted or not.
    """
    import httpx

    client: Any
    for client in (httpx.Client, httpx.AsyncClient):
        client.__init__ = partialmethod(client.__init__, trust_env=False)
