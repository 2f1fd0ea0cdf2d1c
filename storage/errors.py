"""Errors that are part of the interface: each says what went wrong, where, and what to do next."""


class UserError(Exception):
    """Something the user can put right; the command line prints it as one line and exits with 2."""


class WorkspaceLockedError(Exception):
    """Another process is writing the workspace; the command line exits with 5."""
