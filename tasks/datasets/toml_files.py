"""Reading and checking TOML files such as recipes and sweeps, from a path or shipped with the package."""

import tomllib
from importlib import resources
from pathlib import Path

from storage.errors import UserError
from storage.paths import path_text
from tasks.metadata.text_files import Described, checked, read_text


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
    text = read_text(path, what)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UserError(f"{path_text(path)} is not TOML: {error}; mend it there") from error
    return checked(document, model, path, what)
