"""The command line as a user types it: what it printed, and its exit code."""

import io
import json
import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flows.cli import main


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
    """Runs `rolecall` in the process of the test; `settings` are added to a clean environment.

    Prefect reads its own settings once in a process, and the fixture `rolecall` has set them.
    """

    settings: dict[str, str]

    def __call__(self, *words: object, cwd: Path | None = None, typed: str = "") -> Ended:
        out, err = _Captured(), _Captured()
        streams = {"stdin": io.StringIO(typed), "stdout": out, "stderr": err}
        with (
            patch.dict(os.environ, clean_environment(self.settings), clear=True),
            patch.multiple(sys, argv=["rolecall", *map(str, words)], **streams),
            chdir(cwd or Path.cwd()),
        ):
            try:
                main()
            except SystemExit as ended:
                return Ended(int(ended.code or 0), out.text(), err.text())
        raise AssertionError("a command ends with an exit code")


@dataclass(frozen=True)
class Program:
    """Runs `rolecall` as a process; `settings` are added to a clean environment, `prefix` goes before the command."""

    settings: dict[str, str]
    prefix: tuple[str, ...] = ()

    def __call__(self, *words: object, cwd: Path | None = None, typed: str = "") -> Ended:
        process = self.start(*words, cwd=cwd, stdin=subprocess.PIPE)
        out, err = process.communicate(typed, timeout=500)
        return Ended(process.returncode, out, err)

    def start(self, *words: object, cwd: Path | None = None, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
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
        """What the process finds in its environment."""
        return clean_environment(self.settings)


def clean_environment(settings: dict[str, str]) -> dict[str, str]:
    """The environment with some settings, and without what would change rolecall's or Prefect's mind."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "ROLECALL_"))}
    return {**kept, **settings}


class _Captured(io.TextIOWrapper):
    """A stream of text over bytes, as the standard streams are."""

    def __init__(self) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8", write_through=True)

    def text(self) -> str:
        held: io.BytesIO = self.buffer  # type: ignore[assignment]
        return held.getvalue().decode()
