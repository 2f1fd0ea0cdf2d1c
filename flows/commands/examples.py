"""An example for each command, shown at the end of its help."""

from typing import Any, Final

EXAMPLES: Final = {
    "demo": "rolecall demo",
    "bench": "rolecall bench music/tracks",
    "doctor": "rolecall doctor",
    "label": "rolecall label music --max-errors 50",
    "beats": "rolecall beats music --checkpoint small0.ckpt --to grids.csv",
    "iram": "rolecall iram track.mp3 --bpm 128 --plot map.png",
    "sql": 'rolecall sql "SELECT path, bpm FROM tracks WHERE bpm BETWEEN 124 AND 128" --format csv',
    "errors": "rolecall errors --json",
    "plan": "rolecall plan music",
    "browse": "rolecall browse --port 8700",
    "show": "rolecall show arrangement",
    "report": 'rolecall report report.html --tracks "SELECT path FROM mix_out"',
    "export": "rolecall export --format rekordbox collection.xml --where \"kind = 'track'\"",
    "correct": "rolecall correct track.mp3 --role vocal=no --bpm 174",
    "retry": "rolecall retry --reason timeout",
    "verify": "rolecall verify --repair",
    "serve": 'rolecall serve music --cron "0 3 * * *"',
    "train": "rolecall train default --epochs 40",
    "evaluate": "rolecall evaluate default --on music/loops",
    "config show": "rolecall config show --sources",
    "fetch folder": "rolecall fetch folder music/loops",
    "fetch fsld": "rolecall fetch fsld --roles bass",
    "fetch freesound": 'rolecall fetch freesound --query "drum loop"',
    "fetch compositions": "rolecall fetch compositions corpus",
    "fetch freesound-login": "rolecall fetch freesound-login",
    "loops list": "rolecall loops list --json",
    "loops stats": "rolecall loops stats",
    "loops show": "rolecall loops show 8f14e45fceea167a",
    "loops left-out": "rolecall loops left-out",
    "loops credits": "rolecall loops credits credits",
    "dataset build": "rolecall dataset build default --mixes 2000",
    "dataset teach": "rolecall dataset teach default",
    "dataset list": "rolecall dataset list",
    "dataset show": "rolecall dataset show default",
    "dataset verify": "rolecall dataset verify default --sample 8",
    "models list": "rolecall models list",
    "models show": "rolecall models show default",
    "models explain": "rolecall models explain default failures",
    "models activate": "rolecall models activate default",
}
"""By the name of the command, with its group before it."""


def with_examples(command: Any, name: str = "") -> Any:
    """A command, and all below it, with its example as the last line of its help."""
    for word, below in getattr(command, "commands", {}).items():
        with_examples(below, f"{name} {word}".strip())
    if name in EXAMPLES:
        command.epilog = f"Example: {EXAMPLES[name]}"
    return command
