"""The error of a file whose tags cannot be written."""


class TagError(Exception):
    """A file into which no tags are written, and why; it stays as it was."""
