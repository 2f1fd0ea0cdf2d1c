"""From a folder of loops to a model that labels: fetch, data set, teacher, training, activation, lineage of a label."""

import json
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from storage.datasets.shards import labels_of, mels_of, write_shard
from storage.datasets.store import DatasetStore
from storage.models import ModelStore
from storage.published.queries import ask
from storage.workspace import Workspace
from tests.support.commands import Command, Program

pytestmark = pytest.mark.slow

ROLES = {
    "ambi_dark_woosh.ogg": ("fx", "one"),
    "ambi_lunar_land.ogg": ("fx", "two"),
    "ambi_glass_hum.ogg": ("chords", "one"),
    "loop_drone_g_97.ogg": ("chords", "two"),
    "dirtylove_chords_bar025_177bpm.ogg": ("chords", "three"),
    "dirtylove_bass_bar001_177bpm.ogg": ("bass", "three"),
    "dirtylove_melody_bar009_177bpm.ogg": ("melody", "three"),
    "dirtylove_percussion_bar009_177bpm.ogg": ("percussion", "three"),
    "loop_breakbeat_126bpm.ogg": ("percussion", "one"),
    "loop_perc1_97.ogg": ("percussion", "two"),
    "loop_amen_full_140bpm.ogg": ("percussion", "three"),
}

RECIPE = """
name = "small"
mixes = 60
[split]
validation_share = 0.2
test_share = 0.2
train_only = ["three"]
validation = ["one"]
test = ["two"]
"""


@pytest.fixture(scope="module")
def manifest(music: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loops") / "loops.csv"
    lines = [f"{music / 'loops' / name},{role},{group},CC0-1.0,someone" for name, (role, group) in ROLES.items()]
    path.write_text("path,roles,group,licence,mood\n" + "\n".join([*lines, "gone.wav,bass,one,CC0-1.0,"]) + "\n")
    return path


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "small.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def workspace(
    rolecall: Command, music: Path, manifest: Path, recipe: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A workspace with the loops fetched, a data set built and a model trained."""
    root = tmp_path_factory.mktemp("making")
    fetched = rolecall("fetch", "folder", music / "loops", "--manifest", manifest, "--workspace", root, "--json")
    assert fetched.code == 3, fetched.err
    counted = {"found": 12, "loops": 11, "duplicate": 0, "quarantined": 1}
    assert {name: fetched.json()[name] for name in counted} == counted
    built = rolecall("dataset", "build", recipe, "--workspace", root, "--json")
    assert built.code == 0, built.err
    with pytest.MonkeyPatch.context() as brief_lessons:
        brief_lessons.setattr("tasks.training.soft_label_heads._LEAST_STEPS", 20)
        taught = rolecall("dataset", "teach", "small", "--workspace", root, "--json")
    assert taught.code == 0, taught.err
    assert all(set(taught.json()[split]) == {"mix", "loop"} for split in ("validation", "test"))
    brief = ("--width", 4, "--epochs", 2, "--steps", 3)
    trained = rolecall("train", "small", *brief, "--workspace", root, "--json")
    assert trained.code == 0, trained.err
    return root


def test_a_loop_keeps_what_its_manifest_says(rolecall: Command, workspace: Path) -> None:
    loops = rolecall("loops", "list", "--workspace", workspace, "--json").json()
    (bass,) = [loop for loop in loops if loop["roles"] == ["bass"]]
    assert (bass["bpm"], bass["bpm_source"], bass["group"], bass["licence"]) == (177, "filename", "three", "CC0-1.0")
    assert bass["extra"] == {"mood": "someone"}
    assert ask(Workspace(workspace), "SELECT stage, reason FROM errors").rows == [("fetch", "vanished")]


def test_a_data_set_says_what_is_in_it(rolecall: Command, workspace: Path) -> None:
    (summary,) = rolecall("dataset", "list", "--workspace", workspace, "--json").json()
    assert (summary["name"], summary["mixes"], summary["singles"]) == ("small", 60, 11)
    assert summary["splits"] == {"train": 41, "validation": 15, "test": 15}
    assert "ambi" not in (workspace / "datasets" / "small" / "ATTRIBUTION.md").read_text()
    lock = rolecall("dataset", "show", "small", "--workspace", workspace, "--json").json()
    assert lock["groups"] == {"test": ["two"], "train": ["three"], "validation": ["one"]}


def test_a_build_that_is_stopped_ends_with_130_and_is_no_data_set_and_the_next_build_finishes_it(
    rolecall: Command, program: Program, workspace: Path, recipe: Path, tmp_path: Path
) -> None:
    shutil.copyfile(workspace / "loops.parquet", tmp_path / "loops.parquet")
    words = ("dataset", "build", recipe, "--mixes", 1500, "--workers", 1, "--workspace", tmp_path, "--json")
    run = program.start(*words)
    while run.poll() is None and not list(tmp_path.glob("datasets/small/shards/shard-*.parquet")):
        time.sleep(0.01)
    os.killpg(run.pid, signal.SIGINT)
    _, err = run.communicate(timeout=120)
    assert run.returncode == 130, err
    assert "of 6 shards; build it again to finish" in err
    assert DatasetStore(Workspace(tmp_path).datasets).names() == []
    assert rolecall(*words).json()["mixes"] == 1500


def test_a_model_says_who_taught_it(rolecall: Command, workspace: Path) -> None:
    cards = [json.loads(path.read_text()) for path in workspace.glob("models/*/card.json")]
    assert all(card["training"]["soft_labels"].startswith("musicnn front end") for card in cards)
    assert cards


def test_the_same_loops_and_recipe_give_the_same_bytes_on_any_number_of_workers(
    rolecall: Command,
    program: Program,
    workspace: Path,
    manifest: Path,
    music: Path,
    recipe: Path,
    tmp_path: Path,
) -> None:
    backwards = tmp_path / "backwards.csv"
    header, *lines = manifest.read_text().splitlines()
    backwards.write_text("\n".join([header, *reversed(lines)]) + "\n")
    here = ("--workspace", tmp_path / "w")
    assert rolecall("fetch", "folder", music / "loops", "--manifest", backwards, *here).code == 3
    built = program("dataset", "build", recipe, "--workers", 1, *here, "--json").json()
    assert built["digest"] == DatasetStore(Workspace(workspace).datasets).read_lock("small").digest


def test_a_changed_row_is_named_and_the_lock_brings_the_bytes_back_or_says_which_loops_are_missing(
    rolecall: Command, workspace: Path, tmp_path: Path
) -> None:
    copied = tmp_path / "copied"
    shutil.copytree(workspace, copied, ignore=shutil.ignore_patterns("models"))
    store = DatasetStore(Workspace(copied).datasets)
    lock, path = store.read_lock("small"), store.shard_path("small", 0)
    held = rolecall("dataset", "verify", "small", "--all", "--workspace", copied)
    assert (held.code, held.out.splitlines()[0]) == (0, "71 of 71 rows rendered again: 71 equal, 0 but for rounding")

    table = pq.read_table(path)
    mels = mels_of(table, lock.shape).copy()
    mels[7, 3] += 1.0
    names, splits = (table.column(name).to_pylist() for name in ("mix_id", "split"))
    write_shard(path, names, splits, labels_of(table).astype(np.int8), mels, lock.mel_digest)
    changed = rolecall("dataset", "verify", "small", "--sample", 1, "--workspace", copied)
    assert changed.code == 1
    differing = [line.split(", ")[0] for line in changed.out.splitlines() if line.startswith("differs")]
    assert differing == [f"differs: {names[7]} in {path.name}"]

    again = rolecall("dataset", "build", "--lock", store.folder("small") / "dataset.lock", "--workspace", copied)
    assert again.code == 0, again.err
    assert "every byte is the lock's" in again.err
    assert store.read_lock("small") == lock
    elsewhere = rolecall(
        "dataset", "build", "--lock", store.folder("small") / "dataset.lock", "--workspace", tmp_path / "empty"
    )
    assert elsewhere.code == 2
    assert "11 of 11 loops of" in elsewhere.err
    assert lock.loops[0]["loop_id"] in elsewhere.err


def test_a_trained_model_labels_beside_the_old_one_until_it_has_labelled_everything(
    rolecall: Command, workspace: Path, music: Path
) -> None:
    loops = music / "loops"
    assert rolecall("label", loops, "--workspace", workspace).code == 0
    before = active_models(workspace)
    trained = newest_model(rolecall, workspace)
    assert not trained["active"]
    made, learned = workspace / "datasets" / "small", workspace / "models" / trained["model_id"]
    assert (learned / "ATTRIBUTION.md").read_text() == (made / "ATTRIBUTION.md").read_text()
    plan = rolecall("plan", loops, "--model", trained["model_id"], "--workspace", workspace, "--json").json()
    assert plan["stale_model"] == 16

    first = loops / "loop_drone_g_97.ogg"
    assert rolecall("label", first, "--model", trained["model_id"], "--workspace", workspace).code == 0
    assert active_models(workspace) == before
    assert rolecall("label", loops, "--model", trained["model_id"], "--workspace", workspace).code == 0
    assert active_models(workspace) == [(trained["model_id"], 96)]

    ((bundled, _),) = before
    assert rolecall("models", "activate", bundled, "--workspace", workspace).code == 0
    assert active_models(workspace) == before
    assert rolecall("models", "activate", trained["model_id"], "--workspace", workspace).code == 0
    assert active_models(workspace) == [(trained["model_id"], 96)]


def test_every_label_can_be_traced_to_the_licences_it_descends_from(rolecall: Command, workspace: Path) -> None:
    trained = newest_model(rolecall, workspace)["model_id"]
    sql = f"SELECT dataset_digest, licence, sum(loops) FROM lineage WHERE model_id = '{trained}' GROUP BY ALL"
    digest = DatasetStore(Workspace(workspace).datasets).read_lock("small").digest
    assert ask(Workspace(workspace), sql).rows == [(digest, "CC0-1.0", 11)]


def newest_model(rolecall: Command, workspace: Path) -> dict[str, Any]:
    models: list[dict[str, Any]] = rolecall("models", "list", "--workspace", workspace, "--json").json()
    return models[-1]


def active_models(workspace: Path) -> list[tuple[str, int]]:
    return ask(Workspace(workspace), "SELECT model_id, count(*) FROM roles GROUP BY ALL").rows


def test_a_model_is_scored_only_on_compositions_it_did_not_learn_from(
    rolecall: Command, workspace: Path, music: Path, tmp_path: Path
) -> None:
    for name in ("one", "two", "three"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "mix.ogg").symlink_to(music / "tracks" / "dirtylove.ogg")
        (folder / "info.json").write_text(json.dumps({"bpm": 177}))
        lines = [f"{bar},0,0,1,{bar // 4 % 2},-1,0,0,0" for bar in range(0, 68, 4)]
        header = "bar_start,start_s,end_s,bass,percussion,fx,melody,chords,vocal"
        (folder / "truth.csv").write_text("\n".join([header, *lines]) + "\n")
    trained = newest_model(rolecall, workspace)["model_id"]
    scores = rolecall("evaluate", trained, "--on", tmp_path, "--workspace", workspace, "--json").json()
    assert (scores["compositions"], sorted(scores["left_out"])) == (["two"], ["one", "three"])
    roles = scores["scores"]["roles"]
    assert (roles["percussion"]["segments"], roles["fx"]["segments"]) == (17, 0)
    assert roles["percussion"]["prevalence"] == pytest.approx(8 / 17)


def test_a_sweep_gives_one_leaderboard_and_known_models(rolecall: Command, workspace: Path, tmp_path: Path) -> None:
    sweep = tmp_path / "sweep.toml"
    lines = ['networks = ["separable"]', 'poolings = ["max", "auto"]', 'losses = ["bce"]', "seconds = 0.1"]
    sweep.write_text("\n".join([*lines, "widths = {separable = 4}", "batch_size = 4", "best = 1", "best_seeds = [2]"]))
    ran = rolecall("train", "small", "--sweep", sweep, "--workspace", workspace, "--json")
    assert ran.code == 0, ran.err
    rows = ran.json()
    assert [(row["network"], row["loss"]) for row in rows] == [("separable", "bce")] * 3
    assert sorted(row["seed"] for row in rows) == [1, 1, 2]
    assert [row["validation_pr_auc"] for row in rows] == sorted(
        (row["validation_pr_auc"] for row in rows), reverse=True
    )
    known = ask(Workspace(workspace), "SELECT model_id FROM models").rows
    assert {row["model_id"] for row in rows} <= {model for (model,) in known}
    assert (workspace / "models" / "curves" / "leaderboard.png").exists()


def test_folds_score_a_training_on_groups_that_it_did_not_learn_from(
    rolecall: Command, workspace: Path, tmp_path: Path
) -> None:
    recipe = tmp_path / "free.toml"
    recipe.write_text('name = "free"\nmixes = 12\n[split]\nvalidation_share = 0.3\ntest_share = 0.3\n')
    assert rolecall("dataset", "build", recipe, "--workspace", workspace).code == 0
    before = newest_model(rolecall, workspace)
    words = ("train", "free", "--width", 4, "--epochs", 1, "--steps", 2, "--batch", 4, "--workspace", workspace)
    ran = rolecall(*words, "--folds", 2, "--workers", 2, "--json")
    assert ran.code == 0, ran.err
    rows = ran.json()
    assert [row["fold"] for row in rows] == ["1", "2", "all"]
    assert all(row["held"] > 0 and row["learned"] > 0 and 0 <= row["right"] <= 1 for row in rows)
    assert rows[2]["held"] == rows[0]["held"] + rows[1]["held"]
    assert newest_model(rolecall, workspace) == before
    refused = rolecall(*words, "--folds", 9)
    assert refused.code == 2
    assert "9 folds need as many groups of loops to hold out, and there are 2" in refused.err
    taught = rolecall(*words, "--folds", 2, "--teacher", "default")
    assert taught.code == 2
    assert "cross-validate without --teacher" in taught.err


def test_the_card_of_a_model_that_was_trained_further_tells_what_it_had_learned_from(
    rolecall: Command, workspace: Path
) -> None:
    options = ("--width", 28, "--epochs", 1, "--steps", 2, "--batch", 4, "--start", "default")
    trained = rolecall("train", "small", *options, "--workspace", workspace, "--json")
    assert trained.code == 0, trained.err
    card, before = trained.json(), ModelStore(workspace / "models").load("default").card
    made = DatasetStore(workspace / "datasets").read_lock("small")
    assert card["training"]["start"] == before.model_id
    assert set(card["groups"]["train"]) == {*made.groups["train"], *before.groups["train"]}
    named = [group for groups in card["groups"].values() for group in groups]
    both = [group for groups in (*made.groups.values(), *before.groups.values()) for group in groups]
    assert sorted(named) == sorted(set(both))
    sources = {(entry["source"], entry["licence"]) for entry in card["licences"]}
    assert sources == {(entry["source"], entry["licence"]) for entry in before.licences + made.licences}


def test_a_training_that_was_killed_goes_on_to_the_weights_that_it_would_have_had(
    rolecall: Command, program: Program, workspace: Path
) -> None:
    words = ("train", "small", "--width", 4, "--epochs", 6, "--steps", 4, "--batch", 8, "--workspace", workspace)
    words = (*words, "--patience", 6, "--json")
    # On one thread here and there, since sums of several threads differ in their last bits.
    torch.set_num_threads(1)
    run = replace(program, settings={**program.settings, "OMP_NUM_THREADS": "1"}).start(*words)
    assert run.stderr is not None
    for line in run.stderr:
        if "epoch 3 of 6" in line:
            break
    os.killpg(run.pid, signal.SIGKILL)
    assert run.wait() == -signal.SIGKILL
    assert list((workspace / "models" / "unfinished").iterdir())
    resumed, straight = rolecall(*words), rolecall(*words)
    assert "epoch 1 of 6" not in resumed.err
    assert "epoch 1 of 6" in straight.err
    assert resumed.json()["weights_digest"] == straight.json()["weights_digest"]


def test_a_student_is_scored_on_loops_and_its_errors_go_onto_its_card(
    rolecall: Command, workspace: Path, tmp_path: Path
) -> None:
    options = ("--width", 4, "--epochs", 1, "--steps", 2, "--batch", 4, "--teacher", "default", "--loss", "focal")
    trained = rolecall("train", "small", *options, "--workspace", workspace, "--json")
    assert trained.code == 0, trained.err
    student = trained.json()
    bundled = ModelStore(workspace / "models").load("default").card.model_id
    assert (student["loss"], student["training"]["teachers"]) == ("focal", [bundled])
    scored = rolecall(
        "evaluate", student["model_id"], "--on", "loops", "--report", tmp_path / "report.md",
        "--failures", tmp_path / "failures", "--workspace", workspace, "--json",
    )  # fmt: skip
    assert scored.code == 0, scored.err
    assert scored.json()["scores"]["segments"] == 3
    assert "## Calibration" in (tmp_path / "report.md").read_text()
    explained = rolecall("models", "explain", student["model_id"], tmp_path / "failures", "--workspace", workspace)
    assert explained.code == 0, explained.err
    shown = rolecall("models", "show", student["model_id"], "--pictures", tmp_path / "p", "--workspace", workspace)
    assert "wrong labels, and why" in shown.out
    assert len(list((tmp_path / "p").glob("failure-*.png"))) == len(list((tmp_path / "failures").glob("*.png"))) > 0


@pytest.mark.parametrize("option", ["--network", "--pooling", "--loss"])
def test_an_unknown_name_is_refused_with_the_choices(rolecall: Command, workspace: Path, option: str) -> None:
    refused = rolecall("train", "small", option, "nonsense", "--workspace", workspace)
    assert (refused.code, refused.out) == (2, "")
    assert "choose from" in refused.err
