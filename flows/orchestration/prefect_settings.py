"""Which Prefect server hears of a run, and the settings under which Prefect is quiet; applied before it is imported."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import certifi

_QUIET: Final = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # Errors reach the user as exceptions; Prefect would print each of them a second time.
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_SERVER_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
    "PREFECT_TASKS_DEFAULT_NO_CACHE": "true",
}

_CERTIFICATES: Final = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""What httpx, in which Prefect asks, reads as it is imported, and fails if it is not there."""

# Prefect reads certificates even for an address without TLS.
_WITHOUT_TLS: Final = {"PREFECT_API_SSL_CERT_FILE": certifi.where()}

_PRIVATE: Final = {
    "PREFECT_SERVER_SERVICES_LATE_RUNS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_FOREMAN_ENABLED": "false",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    **_WITHOUT_TLS,
}

_SERVER: Final = {"PREFECT_UI_ENABLED": "0", "PREFECT__SERVER_EPHEMERAL": "1", "PREFECT__SERVER_FINAL": "1"}

_HOW_TO_RUN: Final = ("PREFECT_LOGGING_", "PREFECT_RESULTS_", "PREFECT_TASKS_", "PREFECT_FLOWS_", "PREFECT_HOME")
"""What a user's setting may say of a private server too; all others speak of a server of theirs."""


@dataclass(frozen=True)
class NamedServer:
    """A Prefect server that the user named: its address, and where it is said."""

    address: str
    origin: str

    @property
    def is_local(self) -> bool:
        """Whether it is on this machine, where no proxy leads."""
        host = urlsplit(self.address).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def named_server() -> NamedServer | None:
    """The server that PREFECT_API_URL names, else the profile of Prefect that the environment names; None without."""
    address = os.environ.get("PREFECT_API_URL", "").strip()
    if address:
        return NamedServer(address, "named by PREFECT_API_URL")
    if not {"PREFECT_PROFILE", "PREFECT_PROFILES_PATH", "PREFECT_HOME"} & os.environ.keys():
        return None
    file = _profiles_file()
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
        name = os.environ.get("PREFECT_PROFILE") or str(told.get("active", ""))
        address = str(told.get("profiles", {}).get(name, {}).get("PREFECT_API_URL", "")).strip()
    except (OSError, ValueError, AttributeError):
        return None
    return NamedServer(address, f"named by the profile {name!r} in {file}") if address else None


def settings_of_named(server: NamedServer, home: Path) -> dict[str, str]:
    """Settings for a server that the user named: theirs, and quiet ones where they said nothing."""
    tls = {} if server.address.startswith("https:") else _WITHOUT_TLS
    kept = {"PREFECT_PROFILES_PATH": str(_profiles_file()), **_QUIET, **tls, **_of_prefect()}
    return {**kept, "PREFECT_HOME": str(home), "PREFECT_API_URL": server.address}


def settings_of_private(home: Path, address: str) -> dict[str, str]:
    """Settings for a private server: nothing of what the user says of servers of theirs holds for it."""
    kept = {name: value for name, value in _of_prefect().items() if name.startswith(_HOW_TO_RUN)}
    profiles = {"PREFECT_PROFILES_PATH": str(home / "no-profiles.toml")}
    return {**_QUIET, **kept, **_PRIVATE, **profiles, "PREFECT_HOME": str(home), "PREFECT_API_URL": address}


def replace_settings(settings: Mapping[str, str]) -> None:
    """Let the environment say these settings of Prefect, and no others; forget certificates that are not there."""
    missing = [name for name in _CERTIFICATES if name in os.environ and not Path(os.environ[name]).exists()]
    for name in [*_of_prefect(), *missing]:
        del os.environ[name]
    os.environ.update(settings)


def environment_of_server(settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of the private server's process, which asks nobody: no proxies, no certificates."""
    others = {
        name: value
        for name, value in os.environ.items()
        if name not in (*_of_prefect(), *_CERTIFICATES) and not name.lower().endswith("_proxy")
    }
    return {**others, **settings, **_SERVER}


def _of_prefect() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("PREFECT_") or name == "DO_NOT_TRACK"}


def home_of_user() -> Path | None:
    """The home of the user that this process runs as; None where the system knows none."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def _profiles_file() -> Path:
    if named := os.environ.get("PREFECT_PROFILES_PATH"):
        return Path(named)
    return Path(os.environ.get("PREFECT_HOME") or (home_of_user() or Path()) / ".prefect", "profiles.toml")
