"""API keys and logins of Freesound, from the environment, a file or Prefect blocks; never parameters of a flow."""

import json
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from prefect.blocks.system import Secret

from storage.accounts.home import logins_folder
from storage.accounts.tokens import TokenFile, Tokens, TokenStore
from storage.errors import UserError

KEY_BLOCK: Final = "freesound-api-key"
CLIENT_ID_BLOCK: Final = "freesound-client-id"
CLIENT_SECRET_BLOCK: Final = "freesound-client-secret"
TOKENS_BLOCK: Final = "freesound-tokens"


def freesound_key() -> str:
    """The key from FREESOUND_API_KEY, else from the Prefect Secret block; raises UserError if there is neither."""
    return _required("FREESOUND_API_KEY", KEY_BLOCK, "key")


def freesound_client() -> tuple[str, str]:
    """The application's id and secret; raises UserError if they are nowhere.

    The id is in FREESOUND_CLIENT_ID, the secret in FREESOUND_CLIENT_SECRET, or either in its Prefect Secret block;
    without a secret the key serves, since Freesound gives an application one word for both.
    """
    secret = _found("FREESOUND_CLIENT_SECRET", CLIENT_SECRET_BLOCK) or freesound_key()
    return _required("FREESOUND_CLIENT_ID", CLIENT_ID_BLOCK, "client id"), secret


def freesound_tokens() -> TokenStore:
    """The store of the login: in this person's file if there is one, else in the Prefect Secret block."""
    file = token_file()
    return file if file.path.exists() else TokenBlock(file)


def token_file() -> TokenFile:
    """The file of this person's login on Freesound."""
    return TokenFile(logins_folder() / "freesound.json")


@dataclass(frozen=True)
class TokenBlock:
    """Tokens in a Prefect Secret block, which the server keeps encrypted; locked by the lock beside `file`."""

    file: TokenFile

    def exclusive(self) -> AbstractContextManager[None]:
        """Lock the tokens against every other process of this person on this machine."""
        return self.file.exclusive()

    def read(self) -> Tokens | None:
        """The tokens, None if there is no such block; raises UserError if it holds something else."""
        text = _block(TOKENS_BLOCK)
        if text is None:
            return None
        try:
            return Tokens.from_json(text)
        except ValueError:
            raise UserError(f"the Secret block {TOKENS_BLOCK} holds no tokens; log in again") from None

    def write(self, tokens: Tokens) -> None:
        """Replace the tokens."""
        Secret(value=tokens.to_json()).save(TOKENS_BLOCK, overwrite=True)


def _required(variable: str, block: str, what: str) -> str:
    text = _found(variable, block)
    if not text:
        raise UserError(f"no {what} for Freesound: set {variable}, or keep it in a Prefect Secret block named {block}")
    if not text.isascii() or any(sign.isspace() for sign in text):
        raise UserError(f"the {what} for Freesound holds blanks or other signs that none has; set it again")
    return text


def _found(variable: str, block: str) -> str:
    return os.environ.get(variable, "").strip() or (_block(block) or "").strip()


def _block(name: str) -> str | None:
    """What a Secret block holds, None if there is no such block."""
    try:
        held = Secret.load(name).get()  # type: ignore[union-attr]
    except ValueError:
        return None
    # Prefect reads a secret that is JSON as what it stands for.
    return held if isinstance(held, str) else json.dumps(held)
