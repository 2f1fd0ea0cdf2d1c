"""Library versions and processor instructions on which the bytes of a rendering depend."""

import platform
from importlib.metadata import version
from typing import Final

import numpy as np
import soundfile

_BYTES_DEPEND_ON: Final = ("numpy", "scipy", "soxr", "python-stretch", "pyarrow")


def environment() -> dict[str, str]:
    """Names and versions; NumPy's own word for the level of instructions that it found."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return {
        **{name: version(name) for name in _BYTES_DEPEND_ON},
        "libsndfile": soundfile.__libsndfile_version__,
        "machine": platform.machine(),
        "instructions": " ".join([*extensions["baseline"], *extensions["found"]]),
    }
