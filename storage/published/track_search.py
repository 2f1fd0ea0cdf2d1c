"""Finding the one track that a person means: by its number, its path, or a part of its path."""

from typing import Final

import duckdb

from storage.errors import UserError
from storage.paths import absolute, named_path, path_text

_SHOWN: Final = 5


def find_track(connection: duckdb.DuckDBPyConnection, word: str) -> int:
    """The `track_id` of a track; raises UserError if none is meant, or several.

    A number is a `track_id`. Else a whole path, a file's name with or without its extension, or a part of a path
    counts, in this order.
    """
    if word.isdecimal():
        matches = connection.execute("SELECT track_id, path FROM tracks WHERE track_id = ?", [int(word)]).fetchall()
    else:
        whole = path_text(absolute(named_path(word)))
        matches = connection.execute(_BY_PATH, {"word": word, "whole": whole}).fetchall()
    if not matches:
        raise UserError(f"no track {word} is in the catalogue; give a path, a part of one, or a track_id")
    if len(matches) > 1:
        shown = ", ".join(f"{number} {path.rpartition('/')[2]}" for number, path in matches[:_SHOWN])
        more = ", …" if len(matches) > _SHOWN else ""
        raise UserError(f"{len(matches)} tracks are called so: {shown}{more}; give more of the path, or the number")
    return int(matches[0][0])


_BY_PATH: Final = """
SELECT track_id, path FROM (
    SELECT track_id, path,
           CASE WHEN path = $whole THEN 0
                WHEN ends_with(path, '/' || $word) OR parse_filename(path, true, 'forward_slash') = $word THEN 1
                ELSE 2 END AS rank
    FROM tracks WHERE path = $whole OR contains(lower(path), lower($word)))
QUALIFY rank = min(rank) OVER () ORDER BY path
"""
