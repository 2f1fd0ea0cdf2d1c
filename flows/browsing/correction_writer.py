"""Corrections from the page: each waits in a file until the workspace is free, then it is entered and published."""

from threading import Event, Lock, Thread
from typing import Final

from storage.catalogue.correction_queue import CorrectionQueue
from storage.catalogue.corrections import Change, Words, words_said
from storage.catalogue.ledger import Ledger
from storage.errors import UserError, WorkspaceLockedError
from storage.published.follower import CatalogueFollower
from storage.workspace import Workspace

_EVERY_S: Final = 1.0


class CorrectionWriter:
    """Takes corrections at any time, and enters them on a thread of its own whenever nobody else writes."""

    def __init__(self, workspace: Workspace, catalogue: CatalogueFollower) -> None:
        """Nothing is entered before `open`."""
        self._workspace, self._catalogue = workspace, catalogue
        self._queue = CorrectionQueue(workspace)
        self._undo: list[tuple[int, Change]] = []
        self._lock = Lock()
        self._woken, self._ended = Event(), Event()
        self._hindrance: str | None = None
        self._thread = Thread(target=self._enter_until_closed, name="corrections")

    def open(self) -> None:
        """Begin to enter what waits, with what an earlier server left."""
        self._thread.start()

    @property
    def hindrance(self) -> str | None:
        """Why what waits is not entered yet: who writes the workspace; None where nothing is in the way."""
        return self._hindrance

    @property
    def undoable(self) -> int:
        """How many corrections can be undone."""
        return len(self._undo)

    def waiting(self) -> int:
        """How many corrections are not in the catalogue yet."""
        return len(self._queue.unpublished())

    def said(self, sound: str) -> dict[str, bool | float]:
        """All that people say of a sound (`audio_hash`), with what waits."""
        unpublished = self._queue.unpublished()
        with self._catalogue.connection() as connection:
            words: dict[str, bool | float | None] = {**words_said(connection, sound)}
        for change in unpublished:
            if change.audio_hash == sound:
                words |= change.words
        return {name: word for name, word in words.items() if word is not None}

    def correct(self, track_id: int, sound: str, words: Words) -> None:
        """Let words about the sound of a track replace earlier ones; None takes one back."""
        with self._lock:
            before = self.said(sound)
            self._queue.add(Change(sound, words))
            self._undo.append((track_id, Change(sound, {name: before.get(name) for name in words})))
        self._woken.set()

    def undo(self) -> int | None:
        """Say again what was said before the last correction; its track, None if there is nothing to undo."""
        with self._lock:
            if not self._undo:
                return None
            track_id, change = self._undo[-1]
            self._queue.add(change)
            self._undo.pop()
        self._woken.set()
        return track_id

    def close(self) -> None:
        """End the thread; what still waits is entered by the next run, or when the page is opened again."""
        self._ended.set()
        self._woken.set()
        self._thread.join()

    def _enter_until_closed(self) -> None:
        while not self._ended.is_set():
            self._woken.clear()
            self._enter()
            self._woken.wait(_EVERY_S)
        self._enter()

    def _enter(self) -> None:
        if not self._queue.unpublished():
            self._hindrance = None
            return
        try:
            with self._workspace.lock("browse") as locked, Ledger.of(locked) as ledger:
                self._queue.enter(ledger)
                ledger.publish()
        except (WorkspaceLockedError, UserError, OSError) as error:
            self._hindrance = str(error)
        else:
            self._hindrance = None
