"""Every command in the README and in `docs/` works and prints what stands there; every link leads somewhere.

The rules are in `docs/CONTRIBUTING.md`. The README's commands are run first, then those of each page, all in one folder
and over one workspace.
"""

import json
import os
import re
import shlex
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from docs.sql_reference import PAGE, with_reference
from tests.support.checkpoints import beat_checkpoint
from tests.support.commands import Command
from tests.support.documentation_pages import (
    PAGES,
    README,
    ROOT,
    Block,
    Line,
    anchors_of,
    assert_exists,
    blocks_of,
    links_of,
    plain,
    read,
)

EVERY = [README, *PAGES]
CHANGES = ROOT / "docs" / "CHANGELOG.md"
WITH_COMMANDS = [page for page in PAGES if any(block.runs for block in blocks_of(page))]
MOST_LINES = 150


@dataclass
class Terminal:
    """Types the commands of a page one after the other, as a person does who reads it."""

    rolecall: Command
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, block: Block) -> list[str]:
        """Run the commands of a block; returns the lines that they printed."""
        printed = [line for command in block.lines for line in self._type(command).splitlines()]
        return [plain(line) for line in printed]

    def _type(self, line: Line) -> str:
        program, *words = line.words
        if program == "make":
            assert_exists(line)
            return ""
        if program != "rolecall":
            return self._ask_the_shell(line)
        here = Command({**self.rolecall.settings, **self.settings})
        ended = here(*words, cwd=self.folder)
        assert ended.code == line.code, (line.text, ended.out, ended.err)
        return ended.out + ended.err

    def _ask_the_shell(self, line: Line) -> str:
        """Run a line of the shell, and stay where it went, with what it exported."""
        script = f'set -e\n{line.text}\nprintf \'\\0%s\\0%s\' "$PWD" "$ROLECALL_WORKSPACE"'
        environment = {**os.environ, **self.settings}
        ended = subprocess.run(
            ["bash", "-c", script], cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, (line.text, ended.stderr)
        printed, folder, workspace = ended.stdout.split("\0")
        self.folder = Path(folder)
        self.settings = {"ROLECALL_WORKSPACE": workspace} if workspace else {}
        return printed


def assert_works(page: Path, terminal: Terminal) -> None:
    for block in blocks_of(page):
        if not block.runs:
            continue
        printed = terminal.run(block)
        for line in block.shown:
            said, open_end, _ = line.partition("…")
            found = [other for other in printed if other.startswith(plain(said)) and (open_end or other == plain(said))]
            assert found, (page.name, line, printed)


@pytest.fixture(scope="module")
def tour(rolecall: Command, tmp_path_factory: pytest.TempPathFactory) -> Terminal:
    """A terminal in which the commands of the README have been typed, with what the other pages take besides."""
    clone = tmp_path_factory.mktemp("clone")
    (clone / "storage").symlink_to(ROOT / "storage")
    (clone / ".venv" / "bin").mkdir(parents=True)
    (clone / ".venv" / "bin" / "activate").touch()
    terminal = Terminal(rolecall, clone)
    assert_works(README, terminal)
    beat_checkpoint(terminal.folder / "small0.ckpt")
    composition = terminal.folder / "compositions" / "arrangement"
    composition.mkdir(parents=True)
    (composition / "mix.ogg").symlink_to(terminal.folder / "music" / "tracks" / "loop_arrangement.ogg")
    (composition / "info.json").write_text(json.dumps({"bpm": 128}))
    header = "bar_start,start_s,end_s,bass,percussion,fx,melody,chords,vocal"
    truth = [f"{bar},0,0,{int(16 <= bar < 48)},{int(not 48 <= bar < 56)},0,0,0,0" for bar in range(0, 96, 4)]
    (composition / "truth.csv").write_text("\n".join([header, *truth]) + "\n")
    return terminal


@pytest.mark.slow
def test_every_command_of_the_readme_does_what_it_says(tour: Terminal) -> None:
    assert tour.folder.name == "tour"


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: page.stem)
def test_every_command_of_a_page_does_what_it_says(page: Path, tour: Terminal) -> None:
    assert_works(page, tour)


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_commands_that_cannot_be_run_here_exist_with_their_options(page: Path) -> None:
    for block in blocks_of(page):
        for line in block.lines:
            assert_exists(line)


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_every_link_and_every_anchor_exists(page: Path) -> None:
    for link in links_of(page):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_readme_is_short_and_leads_to_every_page() -> None:
    assert len(read(README).splitlines()) <= MOST_LINES
    assert {f"docs/{page.name}" for page in PAGES} <= set(links_of(README))


def test_modules_and_tests_that_a_page_names_exist() -> None:
    for page in {*EVERY} - {CHANGES}:
        for name in re.findall(r"`((?:flows|tasks|storage|tests|deployments|docs)/[\w/.-]*)`", read(page)):
            assert (ROOT / name).exists(), (page.name, name)


def test_the_sql_reference_is_what_make_docs_writes() -> None:
    assert read(PAGE) == with_reference(read(PAGE))


def test_a_quoted_word_may_go_over_several_lines_and_a_comment_names_the_exit_code(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```sh\nrolecall sql "\nFROM runs"\nrolecall errors # exits with 3\n```\n\n```text\na\n```\n')
    (block,) = blocks_of(page)
    assert [line.words for line in block.lines] == [["rolecall", "sql", "\nFROM runs"], ["rolecall", "errors"]]
    assert ([line.code for line in block.lines], block.runs, block.shown) == ([0, 3], True, ["a"])


def test_a_block_that_cannot_be_run_says_why(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```sh\n# Not run by the tests: it needs root.\nrolecall fetch fsld --roles bass\n```\n")
    (block,) = blocks_of(page)
    assert not block.runs
    assert_exists(block.lines[0])


@pytest.mark.parametrize("words", ["fetch nothing", "fetch fsld --no-such-option", "sql"])
def test_a_command_that_does_not_exist_is_seen(words: str) -> None:
    with pytest.raises(Exception, match=r"no command|No such option|Missing"):
        assert_exists(Line("", ["rolecall", *shlex.split(words)], 0))
