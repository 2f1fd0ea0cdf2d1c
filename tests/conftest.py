"""What the tests share: the bundled music, servers, and the command line as a user types it."""

import atexit
import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as examples

from flows.cli import silence_teardown
from tests.support.commands import Command, Program, clean_environment
from tests.support.servers import shared, start_cluster, start_prefect

atexit.register(silence_teardown)

# How fast examples are made says how busy the machine is, and nothing of the code.
examples.register_profile("any-machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("any-machine")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: the others would wait for one that begins last."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def music() -> Path:
    """The bundled audio: `loops/`, `tracks/` and `manifest.csv`."""
    return Path(str(resources.files("storage") / "bundled" / "audio"))


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all processes of the session see."""
    folder = tmp_path_factory.getbasetemp()
    return folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder


@pytest.fixture(scope="session")
def prefect_home(session_folder: Path) -> Path:
    """Where the Prefect server keeps its database and its log."""
    return session_folder / "prefect-server"


@pytest.fixture(scope="session")
def prefect_server(prefect_home: Path) -> Iterator[str]:
    """The address of a real Prefect server on this machine, with a database of its own."""
    with shared(prefect_home, start_prefect) as address:
        yield address


@pytest.fixture(scope="session")
def dask_cluster(session_folder: Path) -> Iterator[str]:
    """The address of a Dask scheduler whose workers are those that `rolecall` starts."""
    with shared(session_folder / "dask-cluster", start_cluster) as address:
        yield address


@pytest.fixture(scope="session")
def rolecall(prefect_server: str, dask_cluster: str, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Runs `rolecall` in the process of the test, against the session's Prefect server and Dask cluster."""
    home = tmp_path_factory.mktemp("home")
    settings = {"PREFECT_API_URL": prefect_server, "ROLECALL_DASK": dask_cluster, "HOME": str(home)}
    with patch.dict(os.environ, clean_environment(settings), clear=True):
        set_prefect_up(home / "prefect")
    return Command(settings)


def set_prefect_up(home: Path) -> None:
    """Let Prefect read its settings now, as in a process that has only begun."""
    from flows.orchestration.connection import use_server
    from flows.orchestration.prefect_settings import NamedServer

    use_server(NamedServer(os.environ["PREFECT_API_URL"], "the session's"), home)
    from prefect.context import refresh_global_settings_context
    from prefect.logging.configuration import setup_logging

    refresh_global_settings_context()
    setup_logging()


@pytest.fixture(scope="session")
def program(prefect_server: str, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs `rolecall` as a process that starts its own Dask workers, against the session's Prefect server."""
    return Program({"PREFECT_API_URL": prefect_server, "HOME": str(tmp_path_factory.mktemp("home"))})


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Runs `rolecall` on a machine with an empty home and no Prefect server: it brings its own."""
    return Program({"HOME": str(tmp_path_factory.mktemp("empty-home"))})
