"""A small catalogue over bundled loops, whose labels are made up, and its page asked without a browser."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from flows.browsing.server import page_application
from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace
from tests.support.dummies import LOOPS, Nights

TOKEN, PORT = "the-token", 9000
ORIGIN = f"http://127.0.0.1:{PORT}"


@pytest.fixture(scope="session")
def two_loops(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A published catalogue of two bundled loops, and of one file that is not there."""
    where = Workspace(tmp_path_factory.mktemp("two-loops") / "workspace")
    paths = [LOOPS / "loop_perc1_97.ogg", LOOPS / "loop_tabla.ogg", where.root / "gone.wav"]
    with Ledger.of(where) as ledger:
        Nights(where, ledger).run("one", *({"path": str(path)} for path in paths))
        ledger.publish()
    return where


@pytest.fixture
def workspace(two_loops: Workspace, tmp_path: Path) -> Workspace:
    """A copy of it, to write to."""
    shutil.copytree(two_loops.root, tmp_path / "workspace")
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def stranger(workspace: Workspace) -> Iterator[TestClient]:
    """Who asks the server without its token."""
    with TestClient(page_application(workspace, TOKEN, PORT), base_url=ORIGIN, follow_redirects=False) as client:
        yield client


@pytest.fixture
def page(stranger: TestClient) -> TestClient:
    """The page in a browser that was given the token."""
    stranger.get("/", params={"token": TOKEN})
    stranger.headers["origin"] = ORIGIN
    return stranger
