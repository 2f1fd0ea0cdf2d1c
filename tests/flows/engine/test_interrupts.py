"""Ctrl-C reaches every process of a terminal's group: a worker that is still starting must outlive it."""

import os
import signal
import time
from threading import Thread

import psutil
import pytest

from flows.engine.cluster import open_client

pytestmark = [pytest.mark.drill, pytest.mark.slow]


def interrupt_the_first_worker() -> None:
    """Send SIGINT to a worker's process as soon as it is there."""
    while True:
        for child in psutil.Process().children(recursive=True):
            if "--multiprocessing-fork" in child.cmdline():
                os.kill(child.pid, signal.SIGINT)
                return
        time.sleep(0.01)


def test_a_worker_that_is_starting_outlives_ctrl_c() -> None:
    sender = Thread(target=interrupt_the_first_worker, daemon=True)
    sender.start()
    with open_client(None, 1) as client:
        sender.join(60)
        assert not sender.is_alive()
        assert client.submit(os.getpid).result() in {child.pid for child in psutil.Process().children(recursive=True)}
