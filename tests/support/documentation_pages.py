"""The pages of the documentation: their commands, what these are said to print, links and anchors."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from typer.main import get_command

from flows.cli import app

ROOT: Final = Path(__file__).parents[2]
README: Final = ROOT / "README.md"
PAGES: Final = sorted((ROOT / "docs").glob("*.md"))
TARGETS: Final = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

_BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOT_RUN: Final = "# Not run by the tests: "
_CODE: Final = re.compile(r"^```.*?^```$|(`+).+?\1", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """A command as it stands on a page, and the exit code that its comment names."""

    text: str
    words: list[str]
    code: int


@dataclass(frozen=True)
class Block:
    """A block of commands: whether the tests run it, and the lines of the block behind it that shows what it prints."""

    lines: list[Line]
    runs: bool
    shown: list[str]


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks_of(page: Path) -> list[Block]:
    """The `sh` blocks of a page, each with the `text` block that follows it before any prose."""
    text = read(page)
    fences = list(_BLOCK.finditer(text))
    blocks = []
    for fence, behind in zip_longest(fences, fences[1:]):
        if fence[1] != "sh":
            continue
        follows = behind and behind[1] == "text" and not text[fence.end() : behind.start()].strip()
        shown = behind[2].splitlines() if behind and follows else []
        blocks.append(Block(list(_lines(fence[2])), not fence[2].startswith(_NOT_RUN), shown))
    return blocks


def _lines(code: str) -> Iterator[Line]:
    """The commands of a block; a quoted word may go over several lines."""
    begun = ""
    for line in code.splitlines():
        begun += line + "\n"
        try:
            words = shlex.split(begun, comments=True)
        except ValueError:
            continue
        if words:
            named = re.search(r"# exits with (\d+)", begun)
            yield Line(begun, words, int(named[1]) if named else 0)
        begun = ""
    assert not begun, f"a quote is not closed: {begun}"


def assert_exists(line: Line) -> None:
    """A command of rolecall can be parsed with its options, a target of make is there; nothing is run."""
    program, *words = line.words
    if program == "rolecall":
        assert_rolecall_takes(words)
    elif program == "make":
        assert {word for word in words if "=" not in word} <= TARGETS, line.text


def assert_rolecall_takes(words: list[str]) -> None:
    """A command of rolecall with its options can be parsed; nothing is run."""
    command: Any = get_command(app)
    while hasattr(command, "commands"):
        name, *words = words
        assert name in command.commands, f"rolecall has no command {name}"
        command = command.commands[name]
    command.make_context(command.name, words)


def links_of(page: Path) -> list[str]:
    """The targets of the links and pictures of a page that are no addresses."""
    targets = _LINK.findall(_CODE.sub("", read(page)))
    return [target for target in targets if not re.match(r"\w+://", target)]


def anchors_of(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = _HEADING.findall(re.sub(r"^```.*?^```$", "", read(page), flags=re.MULTILINE | re.DOTALL))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def plain(line: str) -> str:
    """A printed line without what differs from run to run: figures, ids, folders, and the width of columns."""
    line = re.sub(r"\S*/(?=[\w.-]+\.\w+)", "", line)
    line = re.sub(r"\b(?=\w*\d)[0-9a-f]{12}\b", "#", line)
    line = re.sub(r"[-.]?\d[\d.]*", "#", line)
    return re.sub(r"\s+", " ", line).strip()
