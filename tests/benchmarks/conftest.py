import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def corpus() -> Path:
    """A folder with `loops/manifest.csv`, named by the environment variable ROLECALL_CORPUS."""
    folder = os.environ.get("ROLECALL_CORPUS")
    if folder is None:
        pytest.skip("set ROLECALL_CORPUS to a folder with loops/manifest.csv")
    return Path(folder)
