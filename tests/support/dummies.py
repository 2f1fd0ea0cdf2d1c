"""What the tests make things from: the bundled real audio, made-up signals, and records with little in them."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import soundfile
from numpy.typing import NDArray

from storage.catalogue.committer import Committer
from storage.catalogue.comparison import FOUND_SCHEMA, DiskState, paths_elsewhere, unread_paths
from storage.catalogue.label_parts import LabelOutcome, Segment, write_part
from storage.catalogue.labels import Labels
from storage.catalogue.ledger import Ledger
from storage.datasets.plan import Mix, Voice
from storage.loops.table import Loop
from storage.models import ModelCard, identify
from storage.vocabulary import ROLES, BpmSource, Kind, Reason, Status
from storage.workspace import Workspace
from tasks.features.mel_config import MelConfig

RATE = 16_000
BUNDLED_AUDIO = Path(str(resources.files("storage") / "bundled" / "audio"))
LOOPS = BUNDLED_AUDIO / "loops"
TRACKS = BUNDLED_AUDIO / "tracks"

Signal = NDArray[np.float32]


def tone(seconds: float = 1.0, hz: float = 440.0, rate: int = RATE) -> Signal:
    """A sine at half of full scale."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def noise(seconds: float = 1.0, rate: int = RATE, seed: int = 0) -> Signal:
    """White noise."""
    return (0.1 * np.random.default_rng(seed).standard_normal(round(seconds * rate))).astype(np.float32)


def clicks(bpm: float, seconds: float, first_downbeat_s: float = 0.0, rate: int = RATE) -> Signal:
    """A click on each beat, a louder one at the head of each bar, over the faintest noise."""
    signal = noise(seconds, rate) * 1e-3
    burst = noise(0.02, rate, seed=1) * np.linspace(1, 0, round(0.02 * rate), dtype=np.float32)
    for beat in range(-4, int(seconds * bpm / 60) + 1):
        start = round((first_downbeat_s + beat * 60 / bpm) * rate)
        if 0 <= start <= len(signal) - len(burst):
            signal[start : start + len(burst)] += burst * (8.0 if beat % 4 == 0 else 2.0)
    return signal


def write(path: Path, samples: NDArray[Any], rate: int = RATE, subtype: str | None = None) -> Path:
    """Write audio in the format that the extension names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def id3_with(**frames: str) -> bytes:
    """An ID3v2.3 header that holds nothing but some text frames, such as `TBPM`."""
    content = b""
    for name, text in frames.items():
        body = b"\x00" + text.encode("latin-1")
        content += name.encode() + len(body).to_bytes(4, "big") + b"\x00\x00" + body
    return b"ID3\x03\x00\x00" + bytes((len(content) >> shift) & 0x7F for shift in (21, 14, 7, 0)) + content


def id3_with_bpm(text: str) -> bytes:
    """An ID3v2.3 header that holds nothing but a tempo."""
    return id3_with(TBPM=text)


def loop(number: int = 0, **changes: Any) -> Loop:
    """A loop record; its file need not exist."""
    plain = Loop(
        loop_id=f"{number:016x}",
        source="folder",
        path=f"/loops/{number}.wav",
        sha256=hashlib.sha256(str(number).encode()).hexdigest(),
        duration_s=8.0,
        roles=("bass",),
        group="group",
        bpm=120.0,
    )
    return replace(plain, **changes)


def mix(*voices: Voice, bpm: float = 120.0, mix_id: str = "train-000000", split: str = "train") -> Mix:
    """A planned mix of some voices."""
    return Mix(mix_id, split, bpm, None, None, tuple(voice.role for voice in voices), voices)


def card(**changes: Any) -> ModelCard:
    """A model card; its weights need not exist."""
    plain = ModelCard(
        model_id="",
        name="dummy",
        network={"network": "separable", "pooling": "auto", "mels": MelConfig().mels, "roles": len(ROLES), "width": 4},
        mel={},
        roles=list(ROLES),
        thresholds=dict.fromkeys(ROLES, 0.5),
        unsure=dict.fromkeys(ROLES, (0.4, 0.6)),
        loss="bce",
        parameters=1,
        weights_digest=hashlib.sha256(b"weights").hexdigest(),
        dataset_name="dummies",
        dataset_digest="d" * 64,
        training={},
        metrics={"test": {"mix": {"macro_pr_auc": 0.75, "macro_roc_auc": 0.875}}},
        licences=[{"source": "folder: a", "licence": "CC0", "loops": 3}],
        groups={},
        code_version="0",
        created_at="2026-01-01T00:00:00+00:00",
    )
    changed = replace(plain, **changes)
    return changed if changed.model_id else identify(changed)


def read_part(path: Path) -> list[dict[str, Any]]:
    """The outcomes of a part."""
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows


def found(*files: dict[str, Any]) -> pa.Table:
    """What a walk found; each file is a path and whatever else is to be said of it."""
    return pa.Table.from_pylist([{"size": 1000, "mtime_ns": 1, **file} for file in files], schema=FOUND_SCHEMA)


def labelled(label_key: str, model_id: str, probabilities: Iterable[float] = (0.1,) * 6) -> LabelOutcome:
    """The outcome of a loop at 120 beats per minute."""
    values = tuple(probabilities)
    return LabelOutcome(
        label_key=label_key,
        path="/as/the/worker/saw/it.wav",
        model_id=model_id,
        status=Status.LABELLED,
        kind=Kind.LOOP,
        duration_s=8.0,
        bpm=120.0,
        bpm_source=BpmSource.FILENAME,
        bpm_confidence=0.9,
        first_downbeat_s=0.0,
        probabilities=values,
        segments=(Segment(0, 1, 4, 0.0, 8.0, values),),
    )


def refused(label_key: str, model_id: str, reason: Reason = Reason.TRUNCATED) -> LabelOutcome:
    """The outcome of a file that could not be used."""
    return LabelOutcome(
        label_key, "/a.wav", model_id, Status.QUARANTINED, stage="decode", reason=reason, message="is no good"
    )


class Nights:
    """Label runs over made-up files: `a.wav` holds the content `a` unless it is said to hold another."""

    def __init__(self, workspace: Workspace, ledger: Ledger) -> None:
        """Over an open ledger, with an active model."""
        self.workspace, self.ledger, self.labels = workspace, ledger, Labels(ledger)
        self.committer = Committer(workspace, ledger)
        self.model_id = card().model_id
        ledger.register_model(card())
        ledger.activate_model(self.model_id)

    def survey(
        self,
        run_id: str,
        *files: dict[str, Any],
        model_id: str | None = None,
        version: int = 1,
        gone: Sequence[str] = (),
    ) -> dict[str, str]:
        """Enter files, each a path with what is said of it; `gone` are off the disk; returns the findings by path."""
        self.ledger.open_run(run_id, "label", model_id or self.model_id)
        contents = {file["path"]: file.get("content", file["path"]) for file in files}
        table = found(*({name: value for name, value in file.items() if name != "content"} for file in files))
        hashes = {path: f"hash of {contents[path]}" for path in unread_paths(self.ledger.connection, table)}
        left = [path for path in paths_elsewhere(self.ledger.connection, table, hashes) if path in gone]
        self.labels.register(run_id, DiskState(table, hashes, left), model_id or self.model_id, version)
        rows = self.ledger.rows("SELECT path, finding FROM ledger.file WHERE run_id = ?", [run_id])
        return dict(rows)

    def work(self, run_id: str, bad: Iterable[str] = (), model_id: str | None = None, part: str = "a") -> Path:
        """Write the part of a run without committing it; the contents of the `bad` paths cannot be used."""
        model_id = model_id or self.model_id
        path = self.workspace.parts / run_id / f"{part}.parquet"
        write_part(
            path,
            [
                refused(task.label_key, model_id) if task.path in bad else labelled(task.label_key, model_id)
                for task in self.labels.tasks(run_id)
            ],
        )
        return path

    def run(
        self,
        run_id: str,
        *files: dict[str, Any],
        bad: Iterable[str] = (),
        model_id: str | None = None,
        version: int = 1,
        gone: Sequence[str] = (),
    ) -> dict[str, str]:
        """A whole run: survey, work, commit; returns the findings."""
        findings = self.survey(run_id, *files, model_id=model_id, version=version, gone=gone)
        self.work(run_id, bad, model_id)
        self.committer.commit_left()
        return findings

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query over the ledger as it is now."""
        return self.ledger.rows(sql)
