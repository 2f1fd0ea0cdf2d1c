"""Setting up workers: who is refused gets no work, whether it was there before or joins later."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

import pytest
from distributed import Client, Scheduler, SpecCluster, Worker, get_worker

from flows.engine.cluster import stream
from flows.engine.outcomes import Finished
from flows.engine.worker_setup import set_up_workers
from storage.errors import UserError


def refusing_one(folder: Path, who: str) -> None:
    """Make a worker ready by leaving a file behind; the one that is called 1 is refused."""
    if who.startswith("the worker 1 "):
        raise UserError(f"{who} is not like the others")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ready").touch()


def who_works(_: Sequence[int]) -> str:
    return str(get_worker().name)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SpecCluster]:
    """Workers in the process of the test, whose temporary folder is its own again afterwards."""
    monkeypatch.setattr(tempfile, "tempdir", tempfile.tempdir)
    worker = {"cls": Worker, "options": {"nthreads": 1, "dashboard": False, "local_directory": str(tmp_path)}}
    scheduler = {"cls": Scheduler, "options": {"dashboard": False, "port": 0, "host": "127.0.0.1"}}
    with SpecCluster({0: worker}, scheduler, worker) as running:
        yield running


def test_one_that_joins_later_and_is_refused_gets_no_work_and_the_next_run_names_it(
    cluster: SpecCluster, tmp_path: Path
) -> None:
    with Client(cluster, set_as_default=False) as client:
        set_up_workers(client, "mark", refusing_one)
        assert list(tmp_path.rglob("ready"))
        cluster.scale(2)
        client.wait_for_workers(2, timeout=60)
        results = list(stream(client, who_works, [[number] for number in range(20)], Event(), "mark"))
        assert {result.receipt for result in results if isinstance(result, Finished)} == {"0"}
        assert len(results) == 20
        with pytest.raises(UserError, match="was refused before, and its log says why"):
            set_up_workers(client, "mark", refusing_one)


def test_one_that_is_there_and_is_refused_is_named(cluster: SpecCluster) -> None:
    cluster.scale(2)
    with Client(cluster, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=60)
        with pytest.raises(UserError, match=r"the worker 1 at tcp://\S+ is not like the others"):
            set_up_workers(client, "mark", refusing_one)
