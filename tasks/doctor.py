"""Checks of this machine for `rolecall doctor`: libraries, decoders, bundled model, graphics card, disk."""

import io
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from storage.catalogue.publishing import trouble_with
from storage.errors import UserError
from storage.machine_limits import MachineLimits, machine_limits
from storage.models import ModelStore
from storage.workspace import Workspace

Finding = tuple[str, bool, str]

_LIBRARIES: Final = ("prefect", "fastapi", "dask", "distributed", "torch", "duckdb", "pyarrow", "soundfile", "librosa")
_LEAST_FREE: Final = 1 << 30


def examine(workspace: Workspace) -> list[Finding]:
    """Every check as (name, whether all is well, what was found); a check that fails says what to do."""
    return list(_findings(workspace))


def _findings(workspace: Workspace) -> Iterator[Finding]:
    yield "python", sys.version_info >= (3, 11), sys.version.split()[0]
    for library in _LIBRARIES:
        yield _check(library, partial(version, library))
    yield _check("prefect with fastapi", _fastapi_fits)
    for container in ("WAV", "FLAC", "OGG", "MP3", "AIFF"):
        yield _check(f"decodes {container}", partial(_round_trip, container))
    yield _check("bundled model", lambda: _bundled(workspace))
    yield _check("graphics card", _graphics_card)
    yield _check("workspace", lambda: _writable(workspace))
    yield _check("catalogue", lambda: _catalogue(workspace))
    yield _processors(machine_limits())
    yield _memory(machine_limits())


def _check(name: str, look: Callable[[], str]) -> Finding:
    try:
        return name, True, look()
    except (PackageNotFoundError, UserError, OSError, RuntimeError, ValueError) as error:
        return name, False, str(error)


def _fastapi_fits() -> str:
    minor = int(version("fastapi").split(".")[1])
    if minor >= 151:
        raise ValueError("fastapi 0.151 and later stop the Prefect server; install with constraints.txt")
    return "fits"


def _round_trip(container: str) -> str:
    import numpy as np
    import soundfile

    buffer = io.BytesIO()
    tone = np.sin(np.arange(16_000, dtype=np.float32) / 10)
    soundfile.write(buffer, tone, 16_000, format=container)
    buffer.seek(0)
    frames = len(soundfile.read(buffer)[0])
    if frames < 16_000:
        raise ValueError(f"read back {frames} of 16000 frames; reinstall soundfile")
    return str(soundfile.__libsndfile_version__)


def _bundled(workspace: Workspace) -> str:
    stored = ModelStore(workspace.models).load("default")
    return f"{stored.card.model_id}, digest as on its card"


def _graphics_card() -> str:
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "none; the processor is used"


def _writable(workspace: Workspace) -> str:
    parent = next(folder for folder in (workspace.root, *workspace.root.parents) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OSError(f"{parent} cannot be written; name another --workspace")
    free = shutil.disk_usage(parent).free
    if free < _LEAST_FREE:
        raise OSError(f"{workspace.root}: {free >> 20} MiB free; make room")
    return f"{workspace.root}, {free >> 30} GiB free"


def _catalogue(workspace: Workspace) -> str:
    if trouble := trouble_with(workspace.catalogue):
        raise UserError(trouble)
    return "published" if workspace.catalogue.exists() else "none yet"


def _processors(limits: MachineLimits) -> Finding:
    quota = "" if limits.quota is None else f", of which a quota allows {limits.quota:g}"
    workers = "1 worker" if limits.workers == 1 else f"{limits.workers} workers"
    return "processors", True, f"{limits.processors} of {os.cpu_count()} may be used{quota}; {workers} if left out"


def _memory(limits: MachineLimits) -> Finding:
    there = "an unknown size" if limits.memory is None else _gibibytes(limits.memory)
    allowed = "" if limits.allowed_memory is None else f", of which a limit allows {_gibibytes(limits.allowed_memory)}"
    remedy = "" if limits.carries_a_worker else "; too little for one worker beside the run: allow 1.5 GiB"
    return "memory", limits.carries_a_worker, f"{there}{allowed}{remedy}"


def _gibibytes(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
