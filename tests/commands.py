"""The command line as a user types it: a process, its exit code, and what it printed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ended:
    """A command that ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Command:
    """Runs `rolecall`; `settings` are added to a clean environment, `prefix` goes before the command."""

    settings: dict[str, str]
    prefix: tuple[str, ...] = ()

    def __call__(self, *words: str | Path, cwd: Path | None = None, typed: str = "") -> Ended:
        process = self.start(*words, cwd=cwd, stdin=subprocess.PIPE)
        out, err = process.communicate(typed, timeout=500)
        return Ended(process.returncode, out, err)

    def start(
        self, *words: str | Path, cwd: Path | None = None, stdin: int = subprocess.DEVNULL
    ) -> subprocess.Popen[str]:
        """Start it in a process group of its own, as a shell does."""
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-m", "flows.cli", *map(str, words)],
            env=self.environment(),
            cwd=cwd,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def environment(self) -> dict[str, str]:
        """The environment without what would change rolecall's or Prefect's mind."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ROLECALL_"))}
        return {**kept, **self.settings}
