from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace
from tests.support.dummies import Nights


@pytest.fixture
def nights(tmp_path: Path) -> Iterator[Nights]:
    workspace = Workspace(tmp_path / "workspace")
    with Ledger.of(workspace) as ledger:
        yield Nights(workspace, ledger)
