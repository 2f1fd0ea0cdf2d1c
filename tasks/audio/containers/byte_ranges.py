"""Bytes of a file, from where a container's structure says that they are."""

from typing import BinaryIO


def bytes_at(file: BinaryIO, place: int, count: int) -> bytes:
    """So many bytes from a place on; fewer where the file ends."""
    file.seek(place)
    return file.read(count)
