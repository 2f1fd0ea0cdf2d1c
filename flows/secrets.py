"""Keys of other people's servers: looked up where they are used, never a parameter of a flow or a task."""

import os
from typing import Final

from prefect.blocks.system import Secret

from storage.errors import UserError

FREESOUND_BLOCK: Final = "freesound-api-key"


def freesound_key() -> str:
    """The key from FREESOUND_API_KEY, else from the Prefect Secret block; raises UserError if there is neither."""
    key = os.environ.get("FREESOUND_API_KEY", "").strip()
    if not key:
        try:
            key = str(Secret.load(FREESOUND_BLOCK).get()).strip()  # type: ignore[union-attr]
        except ValueError:
            raise UserError(
                "no key for Freesound: set FREESOUND_API_KEY, or keep it in a Prefect Secret block named "
                f"{FREESOUND_BLOCK}"
            ) from None
    if not key.isascii() or any(sign.isspace() for sign in key):
        raise UserError("the key for Freesound holds blanks or other signs that no key has; set it again")
    return key
