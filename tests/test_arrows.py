"""One direction only: flows -> tasks -> storage, wing above wing, and only flows know Prefect and Dask."""

import ast
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ORCHESTRATION = {"prefect", "prefect_dask", "dask", "distributed"}
# Each wing may import those below it that are named here, and no other.
WINGS: dict[str, dict[str, set[str]]] = {
    "storage": {
        "accounts": set(),
        "loops": set(),
        "datasets": {"loops"},
        "catalogue": set(),
        "published": {"catalogue"},
    },
    "tasks": {
        "http": set(),
        "audio": set(),
        "metadata": set(),
        "remote": {"audio"},
        "features": {"metadata"},
        "networks": {"features"},
        "rhythm": {"features", "metadata", "audio"},
        "sources": {"http", "metadata", "audio", "rhythm"},
        "structure": {"rhythm", "features", "metadata", "audio"},
        "datasets": {"structure", "audio", "features", "metadata", "rhythm"},
        "exports": {"structure", "metadata"},
        "labelling": {"structure", "networks", "rhythm", "features", "remote", "metadata", "audio"},
        "browsing": {"structure", "metadata", "audio"},
        "evaluation": {
            *("labelling", "networks", "sources", "structure"),
            *("rhythm", "features", "metadata", "audio"),
        },
        "section_training": {"structure", "networks", "sources", "rhythm", "features", "audio"},
        "key_training": {"sources", "features", "metadata", "audio"},
        "training": {"evaluation", "networks", "datasets", "features", "sources", "audio"},
    },
    "flows": {
        "terminal": set(),
        "orchestration": {"terminal"},
        "engine": {"terminal"},
        "labelling": {"engine", "orchestration", "terminal"},
        "fetching": {"engine", "orchestration", "terminal"},
        "datasets": {"engine", "terminal"},
        "training": {"engine", "terminal"},
        "browsing": {"terminal"},
        "commands": {
            *("labelling", "fetching", "datasets", "training", "browsing"),
            *("engine", "orchestration", "terminal"),
        },
    },
}
MOST_LINES, MOST_FILES = 350, 16
FORBIDDEN = {"tasks": {"flows", *ORCHESTRATION}, "storage": {"flows", "tasks", *ORCHESTRATION}}


def imported_modules(source: str) -> Iterator[str]:
    """The modules that a module imports, by statement or by name through importlib; "." for a relative import."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "."
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.endswith(("import_module", "__import__")):
                yield str(node.args[0].value)


def imported_packages(source: str) -> set[str]:
    return {module.split(".")[0] or "." for module in imported_modules(source)}


def imported_wings(source: str) -> set[str]:
    """The wings that a module imports from, as `tasks.audio`."""
    return {".".join(module.split(".")[:2]) for module in imported_modules(source)}


def modules_in(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_no_flow_hides_a_module_of_the_standard_library() -> None:
    """Prefect puts the folder of a deployed flow first among those in which modules are looked for."""
    assert not {path.stem for path in (ROOT / "flows" / "labelling").glob("*.py")} & sys.stdlib_module_names


@pytest.mark.parametrize("package", ["tasks", "storage"])
def test_the_arrows_run_one_way(package: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules_in(package)
        for name in imported_packages(path.read_text(encoding="utf-8"))
        if name in FORBIDDEN[package]
    }
    assert not wrong


@pytest.mark.parametrize(
    "source",
    ["import a, prefect_dask", "from dask.config import set", "import importlib; importlib.import_module('flows.cli')"],
)
def test_every_way_to_import_is_seen(source: str) -> None:
    assert imported_packages(source) & {"flows", *ORCHESTRATION}


@pytest.mark.parametrize("wing", ["labelling", "fetching", "datasets"])
def test_what_a_worker_runs_knows_no_prefect_and_no_flow(wing: str) -> None:
    source = (ROOT / "flows" / wing / "worker.py").read_text(encoding="utf-8")
    assert not imported_packages(source) & (ORCHESTRATION | {"flows"})


@pytest.mark.parametrize("package", WINGS)
def test_a_wing_imports_only_those_below_it(package: str) -> None:
    known = {f"{package}.{wing}" for wing in WINGS[package]}
    wrong = {
        f"{path.relative_to(ROOT)} imports {other}"
        for wing, below in WINGS[package].items()
        for path in modules_in(f"{package}/{wing}")
        for other in imported_wings(path.read_text(encoding="utf-8")) & known
        if other.removeprefix(f"{package}.") not in {wing, *below}
    }
    assert not wrong


@pytest.mark.parametrize("package", WINGS)
def test_the_order_of_the_wings_has_no_circle_and_names_every_wing(package: str) -> None:
    seen: set[str] = set()
    for wing, below in WINGS[package].items():
        assert below <= seen
        seen.add(wing)
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    assert folders == seen


@pytest.mark.parametrize("package", WINGS)
def test_a_module_is_one_idea_and_a_folder_one_wing(package: str) -> None:
    long = {str(path) for path in modules_in(package) if len(path.read_text().splitlines()) > MOST_LINES}
    folders = Counter(path.parent for path in modules_in(package) if path.name != "__init__.py")
    assert not long
    assert not {str(folder) for folder, files in folders.items() if files > MOST_FILES}


@pytest.mark.parametrize("package", WINGS)
def test_a_wing_says_in_one_line_what_one_finds_there(package: str) -> None:
    for init in (ROOT / package).glob("*/__init__.py"):
        said = ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))) or ""
        assert said.endswith("."), init
        assert "\n" not in said, init
