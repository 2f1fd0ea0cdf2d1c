"""A catalogue of a few hundred generated files, for questions that change nothing."""

from collections.abc import Iterator

import pytest

from storage.published.follower import CatalogueFollower
from storage.workspace import Workspace
from tests.benchmarks.catalogue.generated_catalogue import generate


@pytest.fixture(scope="session")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CatalogueFollower]:
    where = Workspace(tmp_path_factory.mktemp("generated") / "workspace")
    generate(where, 300)
    follower = CatalogueFollower(where)
    yield follower
    follower.close()
