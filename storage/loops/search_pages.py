"""Pages of search results stored as they arrive, so that a killed fetch goes on with the next page."""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from storage.files import write_text_atomically


@dataclass(frozen=True)
class SearchPages:
    """The pages of one search, from 1 on, in a folder of its own."""

    folder: Path

    @classmethod
    def of(cls, root: Path, *words: str) -> "SearchPages":
        """The pages of the search that these words make."""
        return cls(root / hashlib.sha256(json.dumps(words).encode()).hexdigest()[:16])

    def pages(self) -> list[dict[str, Any]]:
        """The pages that came so far, in order."""
        pages: list[dict[str, Any]] = []
        while (path := self._path(len(pages) + 1)).exists():
            pages.append(json.loads(path.read_text(encoding="utf-8")))
        return pages

    def add(self, number: int, page: dict[str, Any]) -> None:
        """Store a page."""
        write_text_atomically(self._path(number), json.dumps(page))

    def clear(self) -> None:
        """Remove the pages, after everything on them was fetched."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"
