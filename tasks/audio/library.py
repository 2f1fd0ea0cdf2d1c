"""Walking a library of audio: which files below a folder belong to it, and what is passed over, by kind."""

import os
import re
import stat
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from storage.errors import UserError
from storage.paths import absolute, path_text
from tasks.audio.decoding import EXTENSIONS
from tasks.audio.readers import FOREIGN

_AUDIO: Final = tuple(EXTENSIONS | FOREIGN)

Identity = tuple[int, int]
"""Device and inode: what a folder or file is, whatever path leads to it."""


class PassedOver(StrEnum):
    """Why something in a library is passed over."""

    NO_AUDIO = "no_audio"
    HIDDEN = "hidden"
    APPLEDOUBLE = "appledouble"
    SYSTEM = "system"
    WASTE_BASKET = "waste_basket"
    BUNDLE = "bundle"
    TEMPORARY = "temporary"
    SPECIAL = "special"
    LINKED_AGAIN = "linked_again"
    BROKEN_LINK = "broken_link"
    UNLISTED = "unlisted"


_WORDS: Final[Mapping[PassedOver, str]] = {
    PassedOver.NO_AUDIO: "no audio",
    PassedOver.HIDDEN: "hidden",
    PassedOver.APPLEDOUBLE: "twins that macOS lays beside files",
    PassedOver.SYSTEM: "what a system or a NAS keeps for itself",
    PassedOver.WASTE_BASKET: "waste baskets",
    PassedOver.BUNDLE: "bundles of other programs",
    PassedOver.TEMPORARY: "temporary or unfinished",
    PassedOver.SPECIAL: "pipes, sockets and devices",
    PassedOver.LINKED_AGAIN: "links to what is found without them",
    PassedOver.BROKEN_LINK: "broken links",
    PassedOver.UNLISTED: "folders that cannot be listed",
}

_APPLEDOUBLE: Final = frozenset({".appledouble", "__macosx"})
_WASTE_BASKETS: Final = frozenset(
    {".trash", ".trashes", "$recycle.bin", "#recycle", "@recycle", ".recycle", ".recycle.bin", "network trash folder"}
)
_SYSTEM: Final = frozenset(
    {
        *("@eadir", "@__thumb", ".@__thumb", "@tmp", "#snapshot", "@recently-snapshot", "~snapshot"),
        *(".snapshot", ".snapshots", ".zfs", "system volume information", "lost+found", ".spotlight-v100"),
        *(".fseventsd", ".temporaryitems", ".documentrevisions-v100", ".ds_store", "thumbs.db", "desktop.ini"),
    }
)
_NUMBERED: Final = (
    (re.compile(r"\.trash-\d+"), PassedOver.WASTE_BASKET),
    (re.compile(r"found\.\d{3}"), PassedOver.SYSTEM),
)
_BUNDLES: Final = (".band", ".logicx", ".logic", ".app", ".component", ".vst", ".vst3", ".clap", ".fcpbundle")
_TEMPORARY: Final = (
    *(".part", ".partial", ".crdownload", ".download", ".opdownload", ".filepart", ".aria2"),
    *(".!ut", ".!qb", ".bc!", ".tmp", ".temp"),
)
_NAMED: Final = 20
"""Folders that a person is told of by name."""


@dataclass(frozen=True)
class Omissions:
    """What a walk passed over: how much of each kind, and the folders that it could not list, with the reason.

    A folder that is passed over counts as one, whatever is in it.
    """

    kinds: Mapping[str, int] = field(default_factory=dict)
    unlisted: Mapping[str, str] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Files and folders passed over."""
        return sum(self.kinds.values())

    def __add__(self, other: "Omissions") -> "Omissions":
        """What two walks passed over."""
        kinds = {kind: self.kinds.get(kind, 0) + other.kinds.get(kind, 0) for kind in {**self.kinds, **other.kinds}}
        return Omissions(kinds, {**self.unlisted, **other.unlisted})

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "passed_over": self.total,
            "passed_over_by_kind": dict(self.kinds),
            "unlisted_folders": sorted(self.unlisted),
        }

    def sentences(self) -> Iterator[str]:
        """What people should know of it, a line each."""
        if self.total:
            kinds = ", ".join(f"{_WORDS[PassedOver(kind)]} {count}" for kind, count in self.kinds.items())
            yield f"passed over {self.total}: {kinds}"
        for folder, reason in sorted(self.unlisted.items())[:_NAMED]:
            yield f"{folder} cannot be listed: {reason}; nothing in it was found"
        if len(self.unlisted) > _NAMED:
            yield f"and {len(self.unlisted) - _NAMED} more folders cannot be listed; --json names them all"


class Walk:
    """A walk over files and folders, each real folder once, under its own path rather than under a link's.

    Folders that links lead to are walked after all others. What was named is walked whatever it is called; below it,
    what belongs to no library is passed over. `omissions` is complete once the walk has ended.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        """Of files and folders; raises UserError for one that is not there."""
        self._roots = list(dict.fromkeys(absolute(root) for root in roots))
        self._walked: set[Identity] = set()
        self._linked_files: set[Identity] = set()
        self._links: deque[str] = deque()
        self._kinds: Counter[PassedOver] = Counter()
        self._unlisted: dict[str, str] = {}
        for root in roots:
            require_there(root)

    @property
    def omissions(self) -> Omissions:
        """What was passed over so far."""
        return Omissions(
            {kind.value: self._kinds[kind] for kind in PassedOver if self._kinds[kind]}, dict(self._unlisted)
        )

    def audio(self) -> Iterator[tuple[str, str]]:
        """Folder and name of every audio file, by its extension."""
        for folder, names in self.folders():
            for name in names:
                if is_audio(name):
                    yield folder, name
                else:
                    self._kinds[PassedOver.NO_AUDIO] += 1

    def folders(self) -> Iterator[tuple[str, list[str]]]:
        """Every folder that belongs to the library, with the names of its files, audio or not, in order."""
        for root in self._roots:
            if root.is_dir():
                yield from self._below(str(root))
        for root in self._roots:
            if not root.is_dir() and not self._is_found(str(root)):
                yield str(root.parent).rstrip("/"), [root.name]
        while self._links:
            yield from self._behind(self._links.popleft())

    def _below(self, top: str) -> Iterator[tuple[str, list[str]]]:
        waiting = [top]
        while waiting:
            folder = waiting.pop()
            identity = _identity(folder)
            if identity in self._walked:
                continue
            if identity is not None:
                self._walked.add(identity)
            names, folders = self._list(folder)
            yield folder.rstrip("/"), names
            waiting.extend(reversed(folders))

    def _list(self, folder: str) -> tuple[list[str], list[str]]:
        """The names of a folder's files and the paths of its folders, both in order; its links wait for later."""
        names: list[str] = []
        folders: list[str] = []
        try:
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    kind = _kind_of(entry)
                    if kind is not None:
                        self._kinds[kind] += 1
                    elif entry.is_symlink():
                        self._links.append(entry.path)
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        names.append(entry.name)
        except OSError as error:
            self._kinds[PassedOver.UNLISTED] += 1
            self._unlisted[path_text(folder)] = error.strerror or type(error).__name__
        return names, folders

    def _behind(self, link: str) -> Iterator[tuple[str, list[str]]]:
        """What a link leads to, unless it was found already or lies above the link."""
        folder, name = link.rpartition("/")[::2]
        try:
            status = os.stat(link)  # noqa: PTH116
        except OSError:
            if is_audio(name):
                yield folder, [name]
            else:
                self._kinds[PassedOver.BROKEN_LINK] += 1
            return
        identity = (status.st_dev, status.st_ino)
        if stat.S_ISDIR(status.st_mode):
            if identity in self._walked or _lies_above(link, folder):
                self._kinds[PassedOver.LINKED_AGAIN] += 1
            else:
                yield from self._below(link)
        elif not stat.S_ISREG(status.st_mode):
            self._kinds[PassedOver.SPECIAL] += 1
        elif identity in self._linked_files or self._is_found(os.path.realpath(link)):
            self._kinds[PassedOver.LINKED_AGAIN] += 1
        else:
            self._linked_files.add(identity)
            yield folder, [name]

    def _is_found(self, file: str) -> bool:
        """Whether a real file was found in a folder that was walked."""
        folder, name = file.rpartition("/")[::2]
        return _kind_by_name(name) is None and not os.path.islink(file) and _identity(folder or "/") in self._walked  # noqa: PTH114


def is_audio(name: str) -> bool:
    """Whether a name has an extension of audio."""
    return name.lower().endswith(_AUDIO)


def why_passed_over(folders: Sequence[str], name: str) -> tuple[PassedOver, int] | None:
    """Why a file below a root is passed over, and which of its folders is the reason, counted from 0.

    The place behind the last folder is the file itself; None if it belongs to the library.
    """
    for place, folder in enumerate(folders):
        kind = _kind_by_name(folder)
        if kind is not None or folder.lower().endswith(_BUNDLES):
            return kind or PassedOver.BUNDLE, place
    kind = _kind_by_name(name)
    if kind is None and not is_audio(name):
        kind = PassedOver.NO_AUDIO
    return None if kind is None else (kind, len(folders))


def require_there(path: Path) -> None:
    """Raise UserError unless a file is there, or a folder that may be listed."""
    try:
        if stat.S_ISDIR(path.stat().st_mode) and not os.access(path, os.R_OK | os.X_OK):
            raise UserError(f"{path_text(path)} may not be listed by this user; change its permissions")
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path_text(path)} is not there; name a file or a folder of audio") from None
    except OSError as error:
        raise UserError(f"{path_text(path)}: {error.strerror}; name a file or a folder of audio") from None


def _kind_of(entry: os.DirEntry[str]) -> PassedOver | None:
    """Why an entry of a folder is passed over, None if it is not."""
    kind = _kind_by_name(entry.name)
    if kind is not None or entry.is_symlink():
        return kind
    if entry.is_dir(follow_symlinks=False):
        return PassedOver.BUNDLE if entry.name.lower().endswith(_BUNDLES) else None
    return None if entry.is_file(follow_symlinks=False) else PassedOver.SPECIAL


def _kind_by_name(name: str) -> PassedOver | None:
    """What a name alone says. Two dots or more begin the title of an album, as in `...And Justice for All`."""
    lower = name.lower()
    if lower.startswith("._") or lower in _APPLEDOUBLE:
        return PassedOver.APPLEDOUBLE
    if lower in _WASTE_BASKETS:
        return PassedOver.WASTE_BASKET
    if lower in _SYSTEM:
        return PassedOver.SYSTEM
    for pattern, kind in _NUMBERED:
        if pattern.fullmatch(lower):
            return kind
    if lower.endswith(_TEMPORARY):
        return PassedOver.TEMPORARY
    return PassedOver.HIDDEN if name.startswith(".") and not name.startswith("..") else None


def _identity(folder: str) -> Identity | None:
    try:
        status = os.stat(folder)  # noqa: PTH116
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _lies_above(link: str, folder: str) -> bool:
    """Whether a link in a folder leads to that folder or to one around it, so that following it would never end."""
    target, own = os.path.realpath(link), os.path.realpath(folder)
    return own == target or own.startswith(target.rstrip("/") + "/")
