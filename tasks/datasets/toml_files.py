"""Reading and checking TOML files such as recipes and sweeps, from a path or shipped with the package."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from storage.errors import UserError

Described = TypeVar("Described", bound=BaseModel)


def find_description(name: str, what: str) -> Path:
    """The file of a recipe, a sweep (`what`): a path as it is, or the name of a shipped one.

    Raises UserError naming those that are shipped.
    """
    if name.endswith(".toml"):
        return Path(name)
    shipped = Path(str(resources.files("storage") / "bundled" / f"{what}s"))
    path = shipped / f"{name}.toml"
    if not path.exists():
        known = ", ".join(sorted(one.stem for one in shipped.glob("*.toml")))
        raise UserError(f"no {what} {name!r}; write a .toml file, or name a shipped one: {known}")
    return path


def read_description(path: Path, model: type[Described], what: str) -> Described:
    """Read and check a description; raises UserError naming the file and the first thing wrong with it."""
    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UserError(f"cannot read the {what} {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or f"the {what}"
        raise UserError(f"{path}: {where}: {first['msg']}") from error
