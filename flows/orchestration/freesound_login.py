"""Logging in to Freesound: a person opens a page anywhere, and types the code that it shows."""

import time
from collections.abc import Callable

import requests

from flows.orchestration.credentials import TOKENS_BLOCK, TokenBlock, freesound_client, token_file
from storage.errors import UserError
from tasks.http.client import RequestError, RetryPolicy
from tasks.sources.freesound_login import Application, LoginError, read_code


def log_in(freesound: str, ask: Callable[[str], str], in_prefect: bool) -> str:
    """Ask a person for a code, exchange it for tokens and store them; returns a sentence on where.

    `ask` is given the page to open and returns what was typed. Raises UserError if it does not work out.
    """
    application = Application(freesound, *freesound_client(), requests.Session(), RetryPolicy(), time.time)
    try:
        tokens = application.exchange(read_code(ask(application.page)))
    except (LoginError, RequestError) as error:
        raise UserError(str(error)) from None
    file = token_file()
    with file.exclusive():
        if in_prefect:
            TokenBlock(file).write(tokens)
            # The file would be preferred.
            file.path.unlink(missing_ok=True)
            return f"it is kept in the Prefect Secret block {TOKENS_BLOCK}"
        file.write(tokens)
    return f"it is kept in {file.path}"
