"""What labelling costs on this machine: stages, the slope of a whole run, memory, and the bill for a million files."""

import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

import psutil
import soundfile

from storage.errors import UserError
from storage.models import ModelStore
from storage.workspace import Workspace
from tasks.finding import find_audio
from tasks.labelling import LabelRecipe
from tasks.stages import StageTimes, time_decoding, time_stages

_TIMES_FOUR: Final = 4
_COPIES: Final = 16
_LOOK_EVERY_S: Final = 0.1
_MILLION: Final = 1_000_000


@dataclass(frozen=True)
class RunCost:
    """One `rolecall label` from outside: seconds, processor seconds of workers and of the rest, their peak memory."""

    files: int
    wall_s: float
    worker_cpu_s: float
    flow_cpu_s: float
    worker_megabytes: float
    flow_megabytes: float


@dataclass(frozen=True)
class Bench:
    """The figures of a bench; costs per second of audio are slopes between a run over N files and one over 4 N."""

    machine: str
    files: int
    audio_s: float
    stages: StageTimes
    small: RunCost
    large: RunCost
    decode_cpu_s: float
    price_per_core_hour: float

    @property
    def label_cpu_s(self) -> float:
        """Processor seconds that the 3 N more files cost in a whole run."""
        return self.large.worker_cpu_s + self.large.flow_cpu_s - self.small.worker_cpu_s - self.small.flow_cpu_s

    @property
    def times_decoding(self) -> float:
        """What labelling a file costs, in multiples of decoding it; start-up apart."""
        return self.label_cpu_s / self.decode_cpu_s

    @property
    def overhead(self) -> float:
        """The share of Prefect, Dask's scheduler and the commits in what a further file costs."""
        return (self.large.flow_cpu_s - self.small.flow_cpu_s) / self.label_cpu_s

    @property
    def start_up_cpu_s(self) -> float:
        """What a run costs before its first file."""
        return self.small.worker_cpu_s + self.small.flow_cpu_s - self.label_cpu_s / (_TIMES_FOUR - 1)

    def to_dict(self) -> dict[str, Any]:
        """All figures, and what follows from them."""
        more_files, more_s = self.large.files - self.small.files, self.audio_s * (1 - 1 / _TIMES_FOUR)
        hours = self.label_cpu_s / more_files * _MILLION / 3600
        return {
            "machine": self.machine,
            "files": self.files,
            "audio_s": self.audio_s,
            "decode_cpu_s_per_file": self.decode_cpu_s / more_files,
            "label_cpu_s_per_file": self.label_cpu_s / more_files,
            "label_times_decoding": self.times_decoding,
            "stages_times_decoding": self.stages.times_decoding,
            "prefect_dask_commit_share": self.overhead,
            "start_up_cpu_s": self.start_up_cpu_s,
            "files_per_core_s": more_files / self.label_cpu_s,
            "audio_s_per_core_s": more_s / self.label_cpu_s,
            "worker_megabytes": self.large.worker_megabytes,
            "flow_megabytes": self.large.flow_megabytes,
            "million_files_core_hours": hours,
            "million_files_price": hours * self.price_per_core_hour,
            "price_per_core_hour": self.price_per_core_hour,
            "runs": [asdict(self.small), asdict(self.large)],
        }


def run_bench(paths: Sequence[Path], workspace: Workspace, price: float) -> Bench:
    """Measure over the files below `paths`, or over MP3s made of the bundled music if there are none."""
    stored = ModelStore(workspace.models).load("default")
    with tempfile.TemporaryDirectory(prefix="rolecall-bench-") as name:
        scratch = Path(name)
        files = _audio_below(paths) if paths else _bundled_as_mp3(scratch / "music")
        quarter = files[::_TIMES_FOUR][: len(files) // _TIMES_FOUR]
        files = quarter + [file for file in files if file not in set(quarter)][: (_TIMES_FOUR - 1) * len(quarter)]
        more = files[len(quarter) :]
        stages = time_stages(files[: max(4, len(quarter))], LabelRecipe(stored.card, stored.weights))
        small, large = (_label(part, scratch / str(len(part))) for part in (quarter, files))
        decode_cpu_s = time_decoding(more)
        audio_s = sum(soundfile.info(file).duration for file in files)
    return Bench(_machine(), len(files), audio_s, stages, small, large, decode_cpu_s, price)


def _audio_below(paths: Sequence[Path]) -> list[Path]:
    files = [Path(path) for path in find_audio(paths).table["path"].to_pylist()]
    if len(files) < _TIMES_FOUR:
        raise UserError(f"{len(files)} audio files are too few for a slope; name at least {_TIMES_FOUR}")
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


def _label(files: Sequence[Path], folder: Path) -> RunCost:
    """Label files in a process of its own, with one worker and an empty workspace, and watch what it takes."""
    music = folder / "music"
    music.mkdir(parents=True)
    for place, file in enumerate(files):
        (music / f"{place:06d}{file.suffix}").symlink_to(file.absolute())
    words = ["label", str(music), "--workers", "1", "--workspace", str(folder / "workspace")]
    began = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    watched = _Watched(process.pid)
    while process.poll() is None:
        watched.look()
        time.sleep(_LOOK_EVERY_S)
    if process.returncode not in (0, 3):
        said = process.stderr.read() if process.stderr else ""
        raise UserError(f"labelling {music} for the bench ended with {process.returncode}: {said.strip()[-500:]}")
    return watched.cost(len(files), time.monotonic() - began)


class _Watched:
    """A process and its children, looked at again and again: what each has used when it was last seen."""

    def __init__(self, process_id: int) -> None:
        self._process_id = process_id
        self._cpu_s: dict[tuple[bool, int], float] = {}
        self._megabytes: dict[tuple[bool, int], float] = {}

    def look(self) -> None:
        for process in _tree(self._process_id):
            with suppress(psutil.Error):  # it may have ended by now
                key = (_is_worker(process), process.pid)
                times, memory = process.cpu_times(), process.memory_info().rss / 1e6
                self._cpu_s[key] = times.user + times.system
                self._megabytes[key] = max(memory, self._megabytes.get(key, 0.0))

    def cost(self, files: int, wall_s: float) -> RunCost:
        def cpu_s(worker: bool) -> float:
            return sum(seconds for (kind, _), seconds in self._cpu_s.items() if kind is worker)

        workers = [megabytes for (worker, _), megabytes in self._megabytes.items() if worker]
        flow = self._megabytes.get((False, self._process_id), 0.0)
        return RunCost(files, wall_s, cpu_s(True), cpu_s(False), max(workers, default=0.0), flow)


def _tree(process_id: int) -> list[psutil.Process]:
    with suppress(psutil.Error):  # it may have ended by now
        process = psutil.Process(process_id)
        return [process, *process.children(recursive=True)]
    return []


def _is_worker(process: psutil.Process) -> bool:
    """Whether a process is one that Dask's nanny spawned."""
    return any("multiprocessing.spawn" in word for word in process.cmdline())


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
