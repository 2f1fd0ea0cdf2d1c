"""Keys as players and tags write them."""


def key_text(key: str | None, mode: str | None) -> str | None:
    """`Am`, `F#`, `C`; None where tonic or mode is unknown.

    >>> key_text("F#", "minor"), key_text("C", "major"), key_text("C", None)
    ('F#m', 'C', None)
    """
    if key is None or mode is None:
        return None
    return f"{key}m" if mode == "minor" else key
