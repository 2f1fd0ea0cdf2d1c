"""A bucket in a process of its own, so that what it costs is not taken for what its readers cost."""

import multiprocessing
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from tests.doubles.s3 import serve_bucket


@dataclass(frozen=True)
class BucketApart:
    """The settings by which its readers find a bucket, and a line to its process."""

    settings: dict[str, str]
    line: "Connection[Any, Any]"

    def cpu_s(self) -> float:
        """Seconds of processor time that the bucket has taken."""
        self.line.send("cpu")
        return float(self.line.recv())


@contextmanager
def bucket_apart(folder: Path, delay_s: float) -> Iterator[BucketApart]:
    """Lend a bucket with the files of a folder, which waits so long before each answer."""
    context = multiprocessing.get_context("spawn")
    line, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, folder, delay_s), daemon=True)
    process.start()
    theirs.close()
    try:
        yield BucketApart(line.recv(), line)
    finally:
        line.close()
        process.join(30)
        process.kill()


def _serve(line: "Connection[Any, Any]", folder: Path, delay_s: float) -> None:
    with serve_bucket() as bucket:
        bucket.fill(folder)
        bucket.delay_s = delay_s
        line.send(bucket.settings())
        while True:
            try:
                line.recv()
            except EOFError:
                return
            line.send(time.process_time())
