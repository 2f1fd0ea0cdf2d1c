"""Files that are made from others when they are asked for the first time, and kept until the server ends."""

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import Final

_MOST: Final = 64


class DerivedFiles:
    """A temporary folder of pictures and converted audio; the least recently used go once there are too many."""

    def __init__(self) -> None:
        """An empty folder, which goes with `close`."""
        self._folder = tempfile.TemporaryDirectory(prefix="rolecall-browse-", ignore_cleanup_errors=True)
        self._made: OrderedDict[str, Lock] = OrderedDict()
        self._lock = Lock()

    def get(self, source: str, extension: str, make: Callable[[Path], None]) -> Path:
        """The file of a source, made by `make` if it is not there; whoever asks meanwhile waits for it."""
        name = hashlib.sha256(source.encode()).hexdigest() + extension
        path = Path(self._folder.name, name)
        with self._lock:
            being_made = self._made.setdefault(name, Lock())
            self._made.move_to_end(name)
            while len(self._made) > _MOST:
                Path(self._folder.name, self._made.popitem(last=False)[0]).unlink(missing_ok=True)
        with being_made:
            if not path.exists():
                unfinished = path.with_name(f"unfinished-{name}")
                make(unfinished)
                unfinished.replace(path)
        return path

    def close(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()
