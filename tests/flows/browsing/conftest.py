"""A small catalogue over bundled loops, whose labels are made up, and its page asked without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from flows.browsing.server import page_application
from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace
from tests.dummies import LOOPS, Nights

TOKEN, PORT = "the-token", 9000
ORIGIN = f"http://127.0.0.1:{PORT}"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A published catalogue of two bundled loops, and of one file that is not there."""
    where = Workspace(tmp_path / "workspace")
    paths = [LOOPS / "loop_perc1_97.ogg", LOOPS / "loop_tabla.ogg", tmp_path / "gone.wav"]
    with Ledger.of(where) as ledger:
        nights = Nights(where, ledger)
        nights.run("one", *({"path": str(path)} for path in paths))
        ledger.publish()
    return where


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
