"""Fields of a sound as Freesound's API answers them, which may be missing, null or of another type."""

from typing import Any


def text_field(sound: dict[str, Any], name: str) -> str | None:
    """A text that is not empty; lone surrogates are valid JSON, but no table could hold them."""
    value = sound.get(name)
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) and value else None


def number_field(sound: dict[str, Any], name: str) -> float | None:
    """A number, and no truth value."""
    value = sound.get(name)
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
