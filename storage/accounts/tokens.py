"""OAuth2 tokens of a login, in a file that only its owner may read; `repr` never shows them."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Protocol

from storage.errors import UserError
from storage.files import atomic_path


@dataclass(frozen=True)
class Tokens:
    """The tokens of a login: for access, until `expires_at` (seconds since the epoch), and for refreshing."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_at: float

    def to_json(self) -> str:
        """The JSON text that is stored."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Tokens":
        """Read what `to_json` wrote; raises ValueError, without a word of the text, if it is something else."""
        try:
            document = json.loads(text)
            return cls(str(document["access"]), str(document["refresh"]), float(document["expires_at"]))
        except (ValueError, KeyError, TypeError):
            raise ValueError("the tokens cannot be read") from None


class TokenStore(Protocol):
    """A place to store tokens, with a lock for renewing them."""

    def exclusive(self) -> AbstractContextManager[None]:
        """Lock the tokens against every other process for the length of a `with` block."""

    def read(self) -> Tokens | None:
        """The tokens; None if nobody logged in. Raises UserError if they cannot be read."""

    def write(self, tokens: Tokens) -> None:
        """Replace the tokens."""


@dataclass(frozen=True)
class TokenFile:
    """Tokens in a file of mode 0600, in a folder of mode 0700."""

    path: Path

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Lock the tokens against every other process, and thread, that uses the same file."""
        self._make_folder()
        lock = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def read(self) -> Tokens | None:
        """The tokens, None if nobody logged in; raises UserError if the file holds something else."""
        try:
            return Tokens.from_json(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError):
            raise UserError(f"{self.path} cannot be read; remove it and log in again") from None

    def write(self, tokens: Tokens) -> None:
        """Replace the tokens; the file is readable by its owner alone from its first byte on."""
        self._make_folder()
        with atomic_path(self.path, mode=0o600) as temporary:
            temporary.write_text(tokens.to_json(), encoding="utf-8")

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            raise UserError(f"cannot store a login in {self.path.parent}: {error.strerror}; make it writable") from None
