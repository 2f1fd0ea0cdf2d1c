"""What a label run would do, without doing it: read from the published snapshot, so it needs no lock."""

from collections.abc import Sequence
from pathlib import Path

from storage.catalogue import open_catalogue
from storage.models import ModelStore
from storage.planning import count_findings, judged, unread_paths
from storage.workspace import Workspace
from tasks.finding import find_audio, hash_files
from tasks.labelling import LABEL_VERSION


def preview(workspace: Workspace, paths: Sequence[Path], model: str | None) -> dict[str, int]:
    """How many files at or below `paths` have which finding; raises UserError for a path that is not there."""
    found = find_audio(paths)
    with open_catalogue(workspace) as connection:
        active = connection.execute("SELECT model_id FROM models WHERE active").fetchall()
        card = ModelStore(workspace.models).load(model or (str(active[0][0]) if active else "default")).card
        hashes = hash_files(unread_paths(connection, found.table))
        with judged(connection, found.table, hashes, card.model_id, LABEL_VERSION):
            return count_findings(connection)
