"""AudioError: what is wrong with a file, with its reason code."""

from storage.vocabulary import Reason


class AudioError(Exception):
    """A file that cannot be used, with the reason code it gets in the catalogue."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Store the reason code beside the message."""
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[Reason, str]]:
        """Pickle with the reason code, for sending between processes."""
        return AudioError, (self.reason, str(self))

    @classmethod
    def from_os_error(cls, error: OSError) -> "AudioError":
        """The code for what the operating system said about a file."""
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return cls(Reason.VANISHED, "no such file")
        if isinstance(error, PermissionError):
            return cls(Reason.PERMISSION, "may not be read by this user")
        return cls(Reason.UNREADABLE, f"cannot be read: {error.strerror}")
