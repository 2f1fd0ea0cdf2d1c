"""The private Prefect server: whatever the machine says of proxies, certificates and other servers, it answers."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from flows.orchestration.prefect_database import DATABASE
from flows.orchestration.private_server import PrivateServer
from flows.terminal.error_messages import ServerFailedError
from tests.support.commands import Program
from tests.support.dummies import LOOPS

pytestmark = pytest.mark.slow

NOBODY = "http://127.0.0.1:9"
HOSTILE = {
    "HTTP_PROXY": NOBODY,
    "http_proxy": NOBODY,
    "HTTPS_PROXY": "socks4://127.0.0.1:9",
    "ALL_PROXY": "socks5h://127.0.0.1:9",
    "all_proxy": "socks://127.0.0.1:9/",
    "NO_PROXY": "[::1,no good",
    "no_proxy": "::1/128",
    "SSL_CERT_FILE": "/nowhere/cert.pem",
    "SSL_CERT_DIR": "/nowhere",
    "REQUESTS_CA_BUNDLE": "/nowhere/bundle.pem",
    "PREFECT_API_KEY": "of another server",
    "PREFECT_API_AUTH_STRING": "admin:secret",
    "PREFECT_SERVER_API_AUTH_STRING": "admin:other",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL": "postgresql+asyncpg://127.0.0.1:9/prefect",
    "PREFECT_SERVER_API_PORT": "9",
    "PREFECT_PROFILE": "nobody knows it",
    "PREFECT_HOME": "/proc/cannot/be/made",
}


def fetch(settings: dict[str, str], tmp_path: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command that is always a Prefect flow, in a folder with settings of Prefect for another server."""
    folder = tmp_path / "loops"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(LOOPS / "loop_drone_g_97.ogg", folder / "loop_drone_g_97.ogg")
    (folder / "manifest.csv").write_text("path,roles,licence\nloop_drone_g_97.ogg,chords,CC0\n")
    (tmp_path / "prefect.toml").write_text('[api]\nurl = "http://127.0.0.1:9/api"\n')
    (tmp_path / ".env").write_text("PREFECT_API_URL=http://127.0.0.1:9/api\n")
    found = {"PYTHONPATH": os.environ.get("PYTHONPATH", str(Path.cwd()))}  # from another folder than the repository's
    command = Program({"HOME": str(tmp_path), **found, **settings})
    words = ("fetch", "folder", folder, "--workers", "1", "--workspace", tmp_path / "workspace")
    ended = command(*words, cwd=tmp_path)
    return subprocess.CompletedProcess(words, ended.code, ended.out, ended.err)


def test_it_is_private_on_a_machine_that_is_set_up_for_other_servers(tmp_path: Path) -> None:
    ended = fetch(HOSTILE, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert "PREFECT_HOME /proc/cannot/be/made cannot be made" in ended.stderr
    with closing(sqlite3.connect(tmp_path / "workspace" / "prefect" / DATABASE)) as database:
        assert database.execute("SELECT count(*) FROM flow_run").fetchone() == (1,)


def test_a_database_of_another_version_is_set_aside_and_said(tmp_path: Path) -> None:
    home = tmp_path / "workspace" / "prefect"
    home.mkdir(parents=True)
    (home / DATABASE).write_text("what another program wrote " * 100)
    ended = fetch({}, tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert f"it is now other-1-{DATABASE} beside it" in ended.stderr


def test_a_server_that_does_not_start_says_what_it_wrote(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / DATABASE)) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR)")
        database.execute("INSERT INTO alembic_version VALUES ('feedfacecafe')")
        database.commit()
    server = PrivateServer(tmp_path)
    with pytest.raises(ServerFailedError, match=r"it wrote: .*feedfacecafe.*all of it is in .*server\.log"):
        server.wait()
    server.stop()


def test_it_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    server = PrivateServer(tmp_path)
    server.wait()
    process = psutil.Process(server._process.pid)
    assert server._process.stdin is not None
    server._process.stdin.close()  # as the kernel does when the process ends, however it ends
    assert server._process.wait(60) == 0
    assert not process.is_running()
    server.stop()


def test_a_server_that_is_named_and_gone_is_said_with_its_address_and_who_named_it(tmp_path: Path) -> None:
    ended = fetch({"PREFECT_API_URL": f"{NOBODY}/api", "HTTP_PROXY": "http://proxy.invalid:3128"}, tmp_path)
    assert ended.returncode == 2, ended.stderr
    assert f"no Prefect server answers at {NOBODY}/api (named by PREFECT_API_URL)" in ended.stderr
    assert "Traceback" not in ended.stderr
