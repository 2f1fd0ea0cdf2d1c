"""URLs of audio, manifests and catalogues: which ones are taken, and the file system of fsspec that opens them.

Keys and tokens are never part of a URL: each library finds them in the environment, as its own documentation says.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from storage.errors import UserError
from storage.paths import absolute, path_text

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_SCHEMES: Final = ("s3", "gs", "az", "http", "https", "sftp", "file")
_NO_QUERY: Final = ("http", "https")

# One stream for each object: several at once would hold half a gigabyte of a long file in memory. A name that is given
# is not put together anew, out of thirty parts, twice for each request.
_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "s3": {"max_concurrency": 1, "config_kwargs": {"user_agent": "rolecall"}},
}


def is_url(text: str) -> bool:
    """Whether a text is a URL and no path of this machine."""
    return _URL.match(text) is not None


def checked_url(text: str) -> str:
    """A URL as the catalogue keeps it, without a slash at its end.

    Raises UserError for a scheme that is not known, for one without a host or bucket, and for one that holds a
    password or a query, because the catalogue would show them.
    """
    scheme = text.partition("://")[0].lower()
    if scheme not in _SCHEMES:
        raise UserError(f"{scheme}:// is not a kind of URL that is read; take one of {', '.join(_SCHEMES)}")
    rest = text.partition("://")[2]
    host = rest.partition("/")[0]
    if not host and scheme != "file":
        raise UserError(f"{text} names no bucket or host; write {scheme}://NAME/…")
    if ":" in host.rpartition("@")[0] or (scheme not in ("sftp", "az") and "@" in host):
        raise UserError(f"a {scheme}:// URL holds a user or a password; take it out, and name them in the environment")
    if scheme in _NO_QUERY and (urlsplit(text).query or urlsplit(text).fragment):
        raise UserError(
            f"a {scheme}:// URL holds a query, which may be a key that the catalogue would show; leave it out"
        )
    return f"{scheme}://{rest.rstrip('/')}"


def place_text(word: str) -> str:
    """A path or URL that a person names as the text by which flows and the catalogue know it.

    Raises UserError as `checked_url` does. `file://` is another way to write a path.
    """
    if not is_url(word):
        return path_text(absolute(Path(word)))
    url = checked_url(word)
    return path_text(unquote(url.removeprefix("file://")) or "/") if url.startswith("file://") else url


def name_in(url: str) -> str:
    """The name of the file that a URL leads to, as a person reads it."""
    name = url.rpartition("/")[2]
    return unquote(name) if url.startswith(_NO_QUERY) else name


def parent_of(url: str) -> str:
    """The URL of the folder that a URL lies in."""
    return url.rpartition("/")[0]


def open_store(url: str) -> tuple["AbstractFileSystem", str]:
    """The file system of a URL, and what the URL is called in it; raises UserError if its library is not installed."""
    from fsspec.core import url_to_fs

    options = _OPTIONS.get(url.partition("://")[0], {})
    try:
        store, path = url_to_fs(url, use_listings_cache=False, **options)
    except ImportError as error:
        raise UserError(f"{url} needs another library: pip install 'rolecall[remote]' ({error})") from error
    except ValueError as error:
        raise UserError(f"{url} cannot be opened: {error}") from error
    return store, str(path)


@contextmanager
def naming_trouble(url: str) -> Iterator[None]:
    """Turn what a store says no with into a UserError that names the URL and shows nothing of the request."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError:
        raise UserError(f"{url} is not there; look at its name") from None
    except PermissionError:
        raise UserError(f"{url} is not allowed with the credentials of this environment") from None
    except Exception as error:
        raise UserError(f"{url} cannot be reached: {type(error).__name__}; look at credentials and network") from None
