"""What `deployments/` says can be read by what reads it, and every command in it exists."""

import configparser
import importlib
import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.support.documentation_pages import assert_rolecall_takes

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
    named = set(re.findall(r"`([\w.-]+\.(?:service|yaml|py)|Containerfile)`", notes))
    assert named == {path.name for path in DEPLOYMENTS.iterdir() if path.is_file()} - {"README.md"}


def commands_of_dask(words: list[str]) -> None:
    """Assert that a scheduler or a worker of Dask takes these words."""
    from distributed.cli import dask_scheduler, dask_worker

    assert words[0] == "dask"
    command = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[words[1]]
    command.make_context(words[1], words[2:])


def test_the_kubernetes_manifests_are_what_their_schemas_say_and_start_commands_that_exist() -> None:
    manifests = list(yaml.safe_load_all((DEPLOYMENTS / "kubernetes.yaml").read_text(encoding="utf-8")))
    containers = []
    for manifest in manifests:
        kubernetes_validate.validate(manifest, "1.32", strict=True)
        spec = manifest["spec"].get("jobTemplate", manifest)["spec"]
        containers.extend(spec.get("template", {"spec": {}})["spec"].get("containers", []))
    assert [container["name"] for container in containers] == ["scheduler", "worker", "label"]
    commands_of_dask(containers[0]["command"])
    commands_of_dask(containers[1]["command"])
    assert_rolecall_takes(containers[2]["args"])


def test_a_manifest_that_is_wrong_is_seen() -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"port": 1}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.32", strict=True)


def test_the_cluster_of_compose_starts_commands_that_exist() -> None:
    services = read_yaml("compose-cluster.yaml")["services"]
    commands_of_dask(services["scheduler"]["entrypoint"])
    commands_of_dask(services["worker"]["entrypoint"])
    assert_rolecall_takes(services["label"]["command"])
    for service in services.values():
        assert set(service.get("depends_on", [])) <= services.keys()


@pytest.mark.skipif(shutil.which("docker") is None, reason="no Docker here")
@pytest.mark.parametrize("name", ["compose.yaml", "compose-cluster.yaml"])
def test_docker_compose_finds_nothing_wrong(tmp_path: Path, name: str) -> None:
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("Docker has no compose here")
    shutil.copyfile(DEPLOYMENTS / name, tmp_path / name)
    (tmp_path / "bucket.env").touch()
    command = ["docker", "compose", "-f", str(tmp_path / name), "config", "--quiet"]
    checked = subprocess.run(
        command, env={**os.environ, "MUSIC": "s3://music"}, capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["compose.yaml", "compose-cluster.yaml"])
def test_the_files_of_compose_are_what_its_specification_says(tmp_path: Path, name: str) -> None:
    pytest.importorskip("check_jsonschema")
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text((DEPLOYMENTS / name).read_text(encoding="utf-8").replace("restart:", "restrat:"))
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    checked, refused = (
        subprocess.run([*command, str(file)], capture_output=True, text=True, check=False)
        for file in (DEPLOYMENTS / name, wrong)
    )
    assert checked.returncode == 0, checked.stdout
    assert refused.returncode == 1
    assert "'restrat' was unexpected" in refused.stdout


def operated() -> dict[str, Any]:
    manifests = yaml.safe_load_all((DEPLOYMENTS / "dask-operator.yaml").read_text(encoding="utf-8"))
    return {manifest["kind"]: manifest for manifest in manifests}


def test_the_cluster_of_the_operator_has_pods_as_kubernetes_takes_them_and_starts_commands_that_exist() -> None:
    cluster, autoscaler = operated()["DaskCluster"], operated()["DaskAutoscaler"]
    name = cluster["metadata"]["name"]
    assert autoscaler["spec"]["cluster"] == name
    for part in ("scheduler", "worker"):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": part}, "spec": cluster["spec"][part]["spec"]}
        kubernetes_validate.validate(pod, "1.32", strict=True)
        commands_of_dask(pod["spec"]["containers"][0]["command"])
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}
    kubernetes_validate.validate({**service, "spec": cluster["spec"]["scheduler"]["service"]}, "1.32", strict=True)
    # What the operator itself goes by, and what the nightly job of the other file asks for.
    assert cluster["spec"]["scheduler"]["service"]["selector"]["dask.org/cluster-name"] == name
    assert f"tcp://{name}-scheduler:8786" in (DEPLOYMENTS / "kubernetes.yaml").read_text(encoding="utf-8")


def test_the_operator_finds_nothing_wrong_with_its_manifests() -> None:
    found = importlib.util.find_spec("dask_kubernetes")
    if found is None or found.origin is None:
        pytest.skip("dask-kubernetes, which holds the schemas of its operator, is not installed")
    schemas = {}
    for file in Path(found.origin).parent.glob("operator/deployment/helm/*/crds/*.yaml"):
        definition = yaml.safe_load(file.read_text(encoding="utf-8"))["spec"]
        (version,) = definition["versions"]
        schemas[definition["names"]["kind"]] = closed(version["schema"]["openAPIV3Schema"])
    for kind, manifest in operated().items():
        everywhere: dict[str, Any] = {"apiVersion": {}, "kind": {}, "metadata": {}}
        schema = {**schemas[kind], "properties": {**schemas[kind]["properties"], **everywhere}}
        jsonschema.validate(manifest, schema)
        with pytest.raises(jsonschema.ValidationError, match="'replicsa' was unexpected"):
            jsonschema.validate({**manifest, "spec": {**manifest["spec"], "replicsa": 1}}, schema)


def closed(schema: Any) -> Any:
    """A schema that takes no field which it does not name, as `kubectl --validate=strict` does."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    inside = {name: closed(one) for name, one in schema.items()}
    named = isinstance(schema.get("properties"), dict) and schema.get("type") == "object"
    return {"additionalProperties": False, **inside} if named else inside


def test_a_job_of_slurm_starts_single_threaded_workers_that_leave_before_their_time_is_up() -> None:
    spec = importlib.util.spec_from_file_location("slurm", DEPLOYMENTS / "slurm.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.slurm_cluster() as cluster:
        script = cluster.job_script()
    assert "#SBATCH -t 08:00:00" in script
    (command,) = (line for line in script.splitlines() if "dask_worker" in line or "distributed.cli" in line)
    for words in ("--nworkers 16", "--nthreads 1", "--lifetime 7h40m", "--local-directory $TMPDIR"):
        assert words in command
