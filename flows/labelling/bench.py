"""The benchmark of labelling on this machine: stages, a whole run, memory, and the cost of a million files."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from threadpoolctl import threadpool_limits

from flows.labelling.process_observer import MarginalCost, ProcessObserver
from storage.catalogue.committer import Committer
from storage.catalogue.ledger import Ledger
from storage.errors import UserError
from storage.models import ModelStore
from storage.paths import path_of
from storage.workspace import Workspace
from tasks.labelling.finding import find_audio
from tasks.labelling.request import LabelRecipe
from tasks.labelling.stage_timing import StageTimes, time_decoding, time_stages
from tasks.networks.inference import use_one_thread

_FEWEST: Final = 8
_MOST_STAGED: Final = 8
_COPIES: Final = 16
_LOOK_EVERY_S: Final = 0.05
_COMMITTED: Final = 4096
_MILLION: Final = 1_000_000


@dataclass(frozen=True)
class Bench:
    """The figures of a bench: what a further file costs once a run is warm, beside decoding the same files."""

    machine: str
    stages: StageTimes
    run: MarginalCost
    audio_s: float
    decode_cpu_s: float
    commit_cpu_s: float
    price_per_core_hour: float

    @property
    def overhead_cpu_s(self) -> float:
        """Processor seconds of Prefect, Dask's scheduler and the commits for the files of the slope."""
        return self.run.flow_cpu_s + self.commit_cpu_s

    @property
    def label_cpu_s(self) -> float:
        """Processor seconds of all there is for the files of the slope."""
        return self.run.worker_cpu_s + self.overhead_cpu_s

    def to_dict(self) -> dict[str, Any]:
        """All figures, and what follows from them."""
        files = self.run.files
        hours = self.label_cpu_s / files * _MILLION / 3600
        return {
            "machine": self.machine,
            "files": files,
            "audio_s": self.audio_s,
            "decode_cpu_s_per_file": self.decode_cpu_s / files,
            "label_cpu_s_per_file": self.label_cpu_s / files,
            "label_times_decoding": self.label_cpu_s / self.decode_cpu_s,
            "stages_times_decoding": self.stages.times_decoding,
            "prefect_dask_cpu_s_per_file": self.run.flow_cpu_s / files,
            "commit_cpu_s_per_file": self.commit_cpu_s / files,
            "prefect_dask_commit_share": self.overhead_cpu_s / self.label_cpu_s,
            "start_up_cpu_s": self.run.start_up_cpu_s,
            "files_per_core_s": files / self.label_cpu_s,
            "audio_s_per_core_s": self.audio_s / self.label_cpu_s,
            "worker_megabytes": self.run.worker_megabytes,
            "flow_megabytes": self.run.flow_megabytes,
            "million_files_core_hours": hours,
            "million_files_price": hours * self.price_per_core_hour,
            "price_per_core_hour": self.price_per_core_hour,
        }


def run_bench(paths: Sequence[Path], workspace: Workspace, price: float) -> Bench:
    """Measure over the files below `paths`, or over MP3s made of the bundled music if there are none.

    Raises UserError where the files are too few, or too short for a slope.
    """
    stored = ModelStore(workspace.models).load("default")
    with tempfile.TemporaryDirectory(prefix="rolecall-bench-") as name:
        scratch = Path(name)
        files = _audio_below(paths) if paths else _bundled_as_mp3(scratch / "music")
        # As on a worker: a second thread that waits in a loop counts as processor time too.
        use_one_thread()
        with threadpool_limits(1):
            staged = files[:: max(1, len(files) // _MOST_STAGED)]
            stages = time_stages(staged, LabelRecipe.of(stored))
        watched = _label(files, scratch)
        run, measured = watched.marginal()
        decode_cpu_s, audio_s = time_decoding(measured)
        commit_cpu_s = _time_commit(watched.outcomes(), scratch / "commits") * run.files
    return Bench(_machine(), stages, run, audio_s, decode_cpu_s, commit_cpu_s, price)


def _audio_below(paths: Sequence[Path]) -> list[Path]:
    files = [path_of(path) for path in find_audio(paths).table["path"].to_pylist()]
    if len(files) < _FEWEST:
        raise UserError(f"{len(files)} audio files are too few for a slope; name at least {_FEWEST}")
    return files


def _bundled_as_mp3(folder: Path) -> list[Path]:
    """The bundled tracks as MP3, each many times; a tag at the end makes each a file of its own."""
    folder.mkdir()
    files = []
    tracks = sorted((Path(str(resources.files("storage"))) / "bundled" / "audio" / "tracks").glob("*.ogg"))
    for track in tracks:
        samples, rate = soundfile.read(track, dtype="float32")
        first = folder / f"{track.stem}.mp3"
        soundfile.write(first, samples, rate, format="MP3")
        content = first.read_bytes()
        first.unlink()
        for copy in range(_COPIES):
            files.append(folder / f"{copy:02d}_{track.stem}.mp3")
            files[-1].write_bytes(content + b"TAG" + f"{copy:030d}".encode() + bytes(95))
    return files


def _label(files: Sequence[Path], folder: Path) -> ProcessObserver:
    """Label files in a process of its own, with one worker and an empty workspace, and watch what it takes."""
    links = folder / "links"
    links.mkdir()
    for place, file in enumerate(files):
        (links / f"{place:06d}{file.suffix}").symlink_to(file.absolute())
    words = ["label", str(links), "--workers", "1", "--workspace", str(folder / "workspace")]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", *words],
            env={name: value for name, value in os.environ.items() if name != "ROLECALL_DASK"},
            stdout=subprocess.DEVNULL,
            stderr=said,
            text=True,
        )
        watched = ProcessObserver(process.pid, folder / "workspace" / "parts")
        while process.poll() is None:
            watched.look()
            time.sleep(_LOOK_EVERY_S)
        if process.returncode not in (0, 3):
            said.seek(0)
            raise UserError(f"labelling for the bench ended with {process.returncode}: {said.read().strip()[-500:]}")
    return watched


def _time_commit(outcomes: pa.Table, folder: Path) -> float:
    """Processor seconds of committing one outcome among thousands, as a long run does."""
    copies = -(-_COMMITTED // len(outcomes))
    place = outcomes.schema.get_field_index("label_key")
    tables = [
        outcomes.set_column(place, "label_key", [[f"{copy}-{key}" for key in outcomes["label_key"].to_pylist()]])
        for copy in range(copies)
    ]
    workspace = Workspace(folder)
    part = workspace.parts / "bench" / "outcomes.parquet"
    part.parent.mkdir(parents=True)
    pq.write_table(pa.concat_tables(tables), part)
    with workspace.lock("bench"), Ledger.of(workspace) as ledger:
        began = time.process_time()
        committed = Committer(workspace, ledger).commit([part])
        return (time.process_time() - began) / committed


def _machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def _processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
