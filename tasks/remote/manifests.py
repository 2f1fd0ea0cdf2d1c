"""A manifest wherever it lies, as a file on this machine, with the folder from which its paths are taken."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from storage.errors import UserError
from storage.paths import path_of, path_text
from storage.urls import is_url, parent_of
from tasks.audio.errors import AudioError
from tasks.remote.reading import fetched, file_name_of


@contextmanager
def opened_manifest(place: str) -> Iterator[tuple[Path, str]]:
    """The file of a manifest and the path or URL of its folder; raises UserError if its URL cannot be read."""
    if not is_url(place):
        path = path_of(place)
        yield path, path_text(path.parent)
        return
    with TemporaryDirectory(prefix="rolecall-") as scratch:
        file = Path(scratch) / file_name_of(place)
        try:
            fetched(place, file)
        except AudioError as error:
            raise UserError(f"{place}: {error}; look at its name and at the credentials") from None
        try:
            yield file, parent_of(place)
        except UserError as error:
            raise UserError(str(error).replace(path_text(file), place)) from None
