"""How the double of Freesound searches: its parameters, its pages, its links."""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

Sound = dict[str, Any]

DEFAULT_FIELDS = ("id", "name", "tags", "username", "license")
LICENCE_NAMES = {
    "zero/": "Creative Commons 0", "/by/": "Attribution", "/by-nc/": "Attribution NonCommercial",
    "sampling+": "Sampling+",
}  # fmt: skip
SORTS = {"created": "created", "duration": "duration", "downloads": "num_downloads", "rating": "avg_rating"}
_CONDITION = re.compile(r'(\w+):(\[[^\]]*\]|\([^)]*\)|"[^"]*"|\S+)')


class RefusedError(Exception):
    """A search that is answered with this status and detail."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


def find(sounds: list[Sound], asked: dict[str, str]) -> list[Sound]:
    """The sounds that a query and a filter find, in the order that is asked for."""
    words = asked.get("query", "").lower().replace('"', " ").split()
    found = [sound for sound in sounds if _has_words(sound, words)]
    if "filter" in asked:
        if not asked["filter"].strip():
            raise RefusedError(400, "Invalid filter.")
        rest = _CONDITION.sub("", asked["filter"]).replace("AND", "")
        if rest.strip():
            raise RefusedError(400, _search_error(f"cannot parse {rest.strip()}"))
        for name, condition in _CONDITION.findall(asked["filter"]):
            found = [sound for sound in found if _holds(sound, name, condition)]
    field, _, direction = asked.get("sort", "").rpartition("_")
    if field in SORTS and direction in ("asc", "desc"):
        found = sorted(found, key=lambda sound: sound.get(SORTS[field], 0), reverse=direction == "desc")
    return found


def page_of(
    found: list[Sound], asked: dict[str, str], url: str, largest: int, drift: int, shown: Callable[[int, Sound], Any]
) -> dict[str, Any]:
    """One page: `drift` is how far the index has moved since the first one, `shown` what stands for a sound."""
    page, size = _number(asked.get("page"), 1), min(_number(asked.get("page_size"), 15), largest)
    if page < 1 or size < 1:
        raise RefusedError(404, "Not found")
    start = (page - 1) * size - (drift if page > 1 else 0)
    if found and start >= len(found):
        raise RefusedError(404, "Not found")
    return {
        "count": len(found),
        "previous": _link(asked, url, page - 1, size) if page > 1 else None,
        "next": _link(asked, url, page + 1, size) if start + size < len(found) else None,
        "results": [shown(place, sound) for place, sound in enumerate(found[start : start + size], start)],
    }


def chosen(sound: Sound, fields: str | None) -> Sound | None:
    """A sound with the fields that were asked for; unknown ones are dropped, an unknown `sim_…` spoils the sound."""
    names = [name for name in (fields or "").split(",") if name] or list(DEFAULT_FIELDS)
    if names == ["*"]:
        return sound
    if any(name.startswith("sim_") for name in names):
        return None
    return {name: sound[name] for name in names if name in sound}


def _link(asked: dict[str, str], url: str, page: int, size: int) -> str:
    """A link to another page: no token in it, and the canonical address whichever was asked."""
    parts = [("query", asked.get("query", "")), ("filter", asked.get("filter")), ("weights", asked.get("weights", ""))]
    parts += [("sort", asked.get("sort")), ("page", str(page)), ("page_size", str(size) if size != 15 else None)]
    parts += [("fields", asked.get("fields"))]
    return f"{url}/search/?" + "".join(
        f"&{name}={quote(text, safe=',:[]*+()' + chr(39))}" for name, text in parts if text is not None
    )


def _number(text: str | None, otherwise: int) -> int:
    try:
        return int(text or "")
    except ValueError:
        return otherwise


def _has_words(sound: Sound, words: list[str]) -> bool:
    said = " ".join([sound["name"], *sound["tags"], sound.get("description", ""), str(sound["id"])]).lower()
    return all((word.lstrip("+-") in said) != word.startswith("-") for word in words)


def _holds(sound: Sound, name: str, condition: str) -> bool:
    if name == "license":
        value: Any = next((words for part, words in LICENCE_NAMES.items() if part in sound["license"]), "")
    elif name == "tag":
        value = sound["tags"]
    elif name in sound:
        value = sound[name]
    else:
        raise RefusedError(400, _search_error(f"undefined field {name}"))
    if match := re.fullmatch(r"\[(\S+) TO (\S+)\]", condition):
        low, high = (None if end == "*" else float(end) for end in match.groups())
        return value is not None and (low is None or value >= low) and (high is None or value <= high)
    wanted = [word.strip(' "') for word in condition.strip("()").split(" OR ")]
    return bool(set(wanted) & set(value)) if isinstance(value, list) else str(value) in wanted


def _search_error(text: str) -> str:
    return f"Search server error: {text} (please check that your filter syntax and field names are correct)"
