"""`python -m tasks.key_training CORPUS WEIGHTS`: fit the key network to loops and tracks, and write its weights.

CORPUS has `loops/manifest.csv` with a key for each loop where it is known, and `tracks` with an `info.json` each.
"""

import sys
from pathlib import Path

from storage.files import atomic_path
from tasks.key_training.fitting import FitSettings, fit
from tasks.key_training.material import heard, keyed_files


def main(corpus: Path, target: Path) -> None:
    """Fit to everything whose key is written, and write the weights to `target`."""
    sounds = [heard(file) for file in keyed_files(corpus)]
    network = fit(sounds, FitSettings())
    with atomic_path(target) as temporary:
        temporary.write_bytes(network.to_bytes())
    print(f"fitted to {len(sounds)} sounds: {target}", file=sys.stderr)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
