"""Which Prefect server hears of a run, and which of the user's settings hold for it."""

import os
from pathlib import Path

import pytest

from flows.orchestration.prefect_settings import (
    NamedServer,
    environment_of_server,
    named_server,
    replace_settings,
    settings_of_named,
    settings_of_private,
)

PROFILES = """
active = "mine"
[profiles.mine]
PREFECT_API_URL = "http://server.example/api"
PREFECT_API_AUTH_STRING = "admin:secret"
[profiles.silent]
PREFECT_LOGGING_LEVEL = "DEBUG"
"""


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("PREFECT_") or name == "DO_NOT_TRACK"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def write_profiles(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(PROFILES)
    return path


@pytest.mark.parametrize("address", [None, "", " "])
def test_without_a_word_of_the_user_no_server_is_named(address: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if address is not None:
        monkeypatch.setenv("PREFECT_API_URL", address)
    write_profiles(Path(os.environ["HOME"], ".prefect", "profiles.toml"))
    assert named_server() is None


def test_the_variable_names_a_server_before_any_profile(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(write_profiles(tmp_path / "profiles.toml")))
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:4200/api")
    assert named_server() == NamedServer("http://127.0.0.1:4200/api", "named by PREFECT_API_URL")


@pytest.mark.parametrize("variable", ["PREFECT_PROFILES_PATH", "PREFECT_HOME", "PREFECT_PROFILE"])
def test_a_profile_that_the_environment_names_names_its_server(
    variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = write_profiles(Path(os.environ["HOME"], ".prefect", "profiles.toml"))
    value = {"PREFECT_PROFILES_PATH": str(file), "PREFECT_HOME": str(file.parent), "PREFECT_PROFILE": "mine"}[variable]
    monkeypatch.setenv(variable, value)
    assert named_server() == NamedServer("http://server.example/api", f"named by the profile 'mine' in {file}")


@pytest.mark.parametrize("text", ["", "active = 'silent'\n" + PROFILES.split("\n", 2)[2], "no toml", None])
def test_a_profile_that_says_nothing_of_a_server_names_none(
    text: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if text is not None:
        (tmp_path / "profiles.toml").write_text(text)
    monkeypatch.setenv("PREFECT_PROFILES_PATH", str(tmp_path / "profiles.toml"))
    assert named_server() is None


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("http://127.0.0.1:4200/api", True),
        ("http://127.3.2.1/api", True),
        ("http://localhost:4200/api", True),
        ("http://[::1]:4200/api", True),
        ("http://10.0.0.7:4200/api", False),
        ("https://api.prefect.cloud/api/accounts/a", False),
        ("no address", False),
    ],
)
def test_a_server_on_this_machine_is_told_from_others(address: str, local: bool) -> None:
    assert NamedServer(address, "").is_local is local


def test_what_the_user_says_of_servers_of_theirs_does_not_hold_for_a_private_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    theirs = {
        "PREFECT_API_KEY": "key",
        "PREFECT_API_AUTH_STRING": "admin:secret",
        "PREFECT_SERVER_API_AUTH_STRING": "admin:secret",
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://elsewhere/prefect",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://elsewhere/prefect",
        "PREFECT_SERVER_API_BASE_PATH": "/base",
        "PREFECT_SERVER_EPHEMERAL_ENABLED": "false",
        "PREFECT_CLIENT_CUSTOM_HEADERS": '{"a": "b"}',
        "PREFECT_PROFILE": "silent",
        "PREFECT_PROFILES_PATH": str(write_profiles(tmp_path / "profiles.toml")),
        "PREFECT_API_SSL_CERT_FILE": str(tmp_path / "gone.pem"),
    }
    for name, value in {**theirs, "PREFECT_LOGGING_LEVEL": "DEBUG"}.items():
        monkeypatch.setenv(name, value)
    settings = settings_of_private(tmp_path, "http://127.0.0.1:1/api")
    assert not {name: value for name, value in theirs.items() if settings.get(name) == value}
    assert settings["PREFECT_LOGGING_LEVEL"] == "DEBUG"
    assert not Path(settings["PREFECT_PROFILES_PATH"]).exists()
    assert not theirs.keys() & environment_of_server(settings).keys() - settings.keys()
    monkeypatch.setattr(os, "environ", dict(os.environ))
    replace_settings(settings)
    assert {
        name: value for name, value in os.environ.items() if name.startswith("PREFECT_")
    }.items() <= settings.items()


def test_all_that_the_user_says_holds_for_a_server_that_they_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", "admin:secret")
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "INFO")
    settings = settings_of_named(NamedServer("https://server.example/api", ""), tmp_path)
    assert settings["PREFECT_API_AUTH_STRING"] == "admin:secret"
    assert settings["PREFECT_LOGGING_LEVEL"] == "INFO"
    assert settings["PREFECT_API_URL"] == "https://server.example/api"
    assert settings["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert "PREFECT_API_SSL_CERT_FILE" not in settings
