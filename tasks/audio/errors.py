"""What can be wrong with a file, as an exception that carries its reason code."""

from storage.vocabulary import Reason


class AudioError(Exception):
    """A file that cannot be used, with the reason code it gets in the catalogue."""

    def __init__(self, reason: Reason, message: str) -> None:
        """Keep the code beside the sentence."""
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[Reason, str]]:
        """Travel between processes with the code."""
        return AudioError, (self.reason, str(self))

    @classmethod
    def from_os_error(cls, error: OSError) -> "AudioError":
        """The code for what the operating system said about a file."""
        if isinstance(error, FileNotFoundError | NotADirectoryError):
            return cls(Reason.VANISHED, "no such file")
        if isinstance(error, PermissionError):
            return cls(Reason.PERMISSION, "may not be read by this user")
        return cls(Reason.UNREADABLE, f"cannot be read: {error.strerror}")
