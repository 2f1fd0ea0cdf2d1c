"""What `deployments/` says can be read by what reads it, and every command in it exists."""

import configparser
import importlib
import inspect
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.pages import assert_rolecall_takes

ROOT = Path(__file__).parents[1]
DEPLOYMENTS = ROOT / "deployments"
UNITS = sorted(DEPLOYMENTS.glob("*.service"))


def read_yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOYMENTS / name).read_text(encoding="utf-8"))


def test_a_deployment_names_a_flow_that_takes_its_parameters() -> None:
    for deployment in read_yaml("prefect.yaml")["deployments"]:
        file, _, name = deployment["entrypoint"].partition(":")
        flow = getattr(importlib.import_module(file.removesuffix(".py").replace("/", ".")), name)
        assert deployment["parameters"].keys() <= inspect.signature(flow).parameters.keys()
        assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
        assert deployment["work_pool"]["name"] == "rolecall"
        assert all(len(schedule["cron"].split()) == 5 for schedule in deployment["schedules"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_exists(unit: Path) -> None:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(unit)
    program, *words = shlex.split(parser["Service"]["ExecStart"])
    if Path(program).name == "rolecall":
        assert_rolecall_takes(words)
    else:
        assert (Path(program).name, words[:2]) == ("prefect", ["server", "start"])


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        # The program is looked for; on this machine it lies elsewhere.
        text = re.sub(r"ExecStart=\S+", f"ExecStart={shutil.which('true')}", unit.read_text(encoding="utf-8"))
        (tmp_path / unit.name).write_text(text)
    paths = [str(tmp_path / unit.name) for unit in UNITS]
    checked = subprocess.run(["systemd-analyze", "verify", *paths], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_the_compose_file_starts_commands_that_exist() -> None:
    services = read_yaml("compose.yaml")["services"]
    assert_rolecall_takes(services["nightly"]["command"])
    assert services["server"]["entrypoint"][:3] == ["prefect", "server", "start"]
    assert (ROOT / services["nightly"]["build"]["dockerfile"]).exists()
    for service in services.values():
        assert set(service.get("depends_on", {})) <= services.keys()


def test_the_notes_speak_of_files_that_exist_and_leave_none_out() -> None:
    notes = (DEPLOYMENTS / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([\w.-]+\.(?:service|yaml)|Containerfile)`", notes))
    assert named == {path.name for path in DEPLOYMENTS.iterdir()} - {"README.md"}
