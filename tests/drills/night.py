"""A label run over made-up files without a flow, as a process to be killed: `python -m tests.drills.night ROOT`.

Says on stdout what it is about to do, so that a kill can be aimed.
"""

import sys
from pathlib import Path

from storage.catalogue.archive import archive_parts
from storage.catalogue.committer import Committer
from storage.catalogue.comparison import DiskState, unread_paths
from storage.catalogue.label_parts import write_part
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.workspace import Workspace
from tests.support.dummies import card, found, labelled

FILES, BATCH, AT_ONCE = 120, 4, 12


def paths() -> list[str]:
    return [f"/music/{number:04d}.wav" for number in range(FILES)]


def run(root: Path) -> None:
    with Workspace(root).lock("drill") as workspace, Ledger.of(workspace) as ledger:
        ledger.register_model(card())
        ledger.activate_model(card().model_id)
        run_id = f"run{len(ledger.rows('FROM ledger.run')):03d}"
        ledger.open_run(run_id, "label", card().model_id)
        labels, committer = Labels(ledger), Committer(workspace, ledger, AT_ONCE)
        committer.commit_left()
        table = found(*({"path": path} for path in paths()))
        hashes = {path: f"bytes of {path}" for path in unread_paths(ledger.connection, table)}
        labels.register(run_id, DiskState(table, hashes), card().model_id, 1)
        tasks = list(labels.tasks(run_id))
        for start in range(0, len(tasks), BATCH):
            part = workspace.parts / run_id / f"{start:04d}.parquet"
            print("part", flush=True)
            write_part(part, [labelled(task.label_key, card().model_id) for task in tasks[start : start + BATCH]])
            print("commit", flush=True)
            committer.add(part, BATCH)
            if start % (4 * AT_ONCE) == 0:
                committer.flush()
                print("publish", flush=True)
                ledger.publish()
        committer.flush()
        ledger.close_run(run_id, "completed", labels.count(run_id, card().model_id))
        print("publish", flush=True)
        ledger.publish()
        print("archive", flush=True)
        archive_parts(workspace, ledger)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
