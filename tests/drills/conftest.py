import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class SmallDisk:
    """A file system that holds as much as a drill says."""

    root: Path

    def resize(self, megabytes: int) -> None:
        """Let it hold so much from now on."""
        subprocess.run(["mount", "-o", f"remount,size={megabytes}m", str(self.root)], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """An empty file system of its own; skips where that may not be had."""
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("only root may mount a small file system")
    yield SmallDisk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)
