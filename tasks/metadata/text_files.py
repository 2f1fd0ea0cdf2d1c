"""Text files that people write: decoded, checked against a model, and every complaint names file, place and remedy."""

import codecs
import json
import re
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from storage.errors import UserError
from storage.paths import path_text

Described = TypeVar("Described", bound=BaseModel)

_MARKS: Final = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_LINE_END: Final = re.compile(rb"\r\n|\r|\n")
_LONGEST_SHOWN: Final = 60


def read_text(path: Path, what: str) -> str:
    """The text of a file in UTF-8, or in UTF-16 with its mark; line ends stay as they are.

    `what` is the file for people: the manifest, the recipe. Raises UserError if it cannot be read, or naming the line
    that is no such text.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the {what} {path_text(path)}: {error.strerror}") from error
    codec = next((codec for mark, codec in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(codec)
        before = text.partition("\0")[0].encode() if "\0" in text else None
    except UnicodeDecodeError as error:
        before = content[: error.start]
    if before is not None:
        line = len(_LINE_END.findall(before)) + 1
        raise UserError(f"{path_text(path)}, line {line}: is no text in UTF-8; save the {what} as UTF-8")
    return text


def read_json(path: Path, model: type[Described], what: str) -> Described:
    """Read and check a JSON document; raises UserError naming the file and the first thing wrong with it."""
    text = read_text(path, what)
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path_text(path)} is not JSON: {error}; mend it there") from error
    return checked(document, model, path, what)


def checked(document: Any, model: type[Described], path: Path, what: str) -> Described:
    """What was read from a file, as a model; raises UserError naming the field, what it holds and what was expected."""
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or f"the {what}"
    if first["type"] == "missing":
        raise UserError(f"{path_text(path)}: {where} is missing; write it")
    if first["type"] == "extra_forbidden":
        raise UserError(f"{path_text(path)}: {where} is no word that a {what} knows; take it out")
    held = repr(first["input"])
    held = held if len(held) <= _LONGEST_SHOWN else f"{held[:_LONGEST_SHOWN]}…"
    message = first["msg"].removeprefix("Value error, ")
    raise UserError(f"{path_text(path)}: {where} is {held}: {message[:1].lower()}{message[1:]}")
