"""One direction only: flows -> tasks -> storage, and only flows know Prefect and Dask."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ORCHESTRATION = {"prefect", "prefect_dask", "dask", "distributed"}
FORBIDDEN = {"tasks": {"flows", *ORCHESTRATION}, "storage": {"flows", "tasks", *ORCHESTRATION}}


def imported_packages(source: str) -> Iterator[str]:
    """The top-level packages that a module imports, by statement or by name through importlib."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." if node.level else (node.module or "").split(".")[0]
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = ast.unparse(node.func)
            if called.endswith(("import_module", "__import__")):
                yield str(node.args[0].value).split(".")[0]


def test_no_flow_hides_a_module_of_the_standard_library() -> None:
    """Prefect puts the folder of a deployed flow first among those in which modules are looked for."""
    assert not {path.stem for path in (ROOT / "flows").glob("*.py")} & sys.stdlib_module_names


@pytest.mark.parametrize("package", ["tasks", "storage"])
def test_the_arrows_run_one_way(package: str) -> None:
    wrong = {
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / package).rglob("*.py"))
        for name in imported_packages(path.read_text(encoding="utf-8"))
        if name in FORBIDDEN[package]
    }
    assert not wrong


@pytest.mark.parametrize(
    "source",
    ["import a, prefect_dask", "from dask.config import set", "import importlib; importlib.import_module('flows.cli')"],
)
def test_every_way_to_import_is_seen(source: str) -> None:
    assert set(imported_packages(source)) & {"flows", *ORCHESTRATION}


def test_what_a_worker_runs_knows_no_prefect() -> None:
    names = set(imported_packages((ROOT / "flows" / "worker.py").read_text(encoding="utf-8")))
    assert not names & (ORCHESTRATION | {"flows"})
