import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest

from storage.catalogue.label_parts import LabelOutcome
from storage.models import BUNDLED, ModelStore
from storage.vocabulary import ROLES, BpmSource, KeySource, Kind, Reason, Status
from tasks.labelling.batch import Analysed, analyse_batch, label_batch
from tasks.labelling.iram_document import iram_document
from tasks.labelling.outcome import track_probability
from tasks.labelling.request import LabelRecipe, LabelRequest
from tasks.metadata.manifests import read_manifest
from tests.support.chunked_files import acid, wav
from tests.support.dummies import BUNDLED_AUDIO, LOOPS, RATE, TRACKS, Signal, clicks, noise, tone, write


@pytest.fixture(scope="module")
def recipe() -> LabelRecipe:
    stored = ModelStore(BUNDLED).load("default")
    return LabelRecipe.of(stored)


@pytest.fixture(scope="module")
def requests() -> list[LabelRequest]:
    rows = read_manifest(BUNDLED_AUDIO / "manifest.csv")
    return [LabelRequest(row.path.stem, str(row.path), row.kind(), row.bpm()) for row in rows]


@pytest.fixture(scope="module")
def outcomes(requests: list[LabelRequest], recipe: LabelRecipe) -> dict[str, LabelOutcome]:
    return {outcome.label_key: outcome for outcome in label_batch(requests, recipe)}


def label_one(path: Path, recipe: LabelRecipe, **hints: object) -> LabelOutcome:
    (outcome,) = label_batch([LabelRequest("key", str(path), **hints)], recipe)  # type: ignore[arg-type]
    return outcome


def test_every_bundled_file_is_labelled_as_the_manifest_says(
    requests: list[LabelRequest], outcomes: dict[str, LabelOutcome]
) -> None:
    assert list(outcomes) == [request.label_key for request in requests]
    for request in requests:
        outcome = outcomes[request.label_key]
        assert (outcome.status, outcome.kind, outcome.path) == (Status.LABELLED, request.kind, request.path)
        assert outcome.reason is outcome.stage is outcome.message is None
        assert outcome.bpm_source is (BpmSource.MANIFEST if request.bpm else BpmSource.LENGTH)
        assert outcome.probabilities is not None
        assert len(outcome.probabilities) == len(ROLES)
        assert all(0 <= probability <= 1 for probability in outcome.probabilities)


def test_the_audio_hash_is_of_the_sound_and_not_of_the_file(tmp_path: Path, recipe: LabelRecipe) -> None:
    first, other = (np.round(noise(1.0, seed=seed) * 32767).astype(np.int16) for seed in (0, 1))
    hashes = [
        label_one(write(tmp_path / name, samples), recipe).audio_hash
        for name, samples in (("a.wav", first), ("b.flac", first), ("c.wav", other))
    ]
    assert hashes[0] == hashes[1] != hashes[2]
    assert len(hashes[0] or "") == 64


def test_a_loop_has_one_segment_and_a_track_one_for_every_four_bars(outcomes: dict[str, LabelOutcome]) -> None:
    for outcome in outcomes.values():
        assert outcome.duration_s is not None
        assert outcome.bpm is not None
        if outcome.kind is Kind.LOOP:
            assert len(outcome.segments) == 1
            assert outcome.segments[0].activations == outcome.probabilities
        else:
            assert abs(len(outcome.segments) - outcome.duration_s * outcome.bpm / 960) <= 1


def test_a_tracks_probability_is_the_mean_of_its_highest_quarter_of_segments(
    outcomes: dict[str, LabelOutcome],
) -> None:
    outcome = outcomes["loop_arrangement"]
    assert outcome.probabilities is not None
    activations = np.sort([segment.activations for segment in outcome.segments], axis=0)
    assert len(activations) == 24
    np.testing.assert_allclose(outcome.probabilities, activations[-6:].mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize(("segments", "counted"), [(1, 1), (3, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_a_quarter_is_rounded_up(segments: int, counted: int) -> None:
    activations = np.random.default_rng(1).random((segments, 6)).astype(np.float32)
    expected = np.sort(activations, axis=0)[-counted:].mean(axis=0)
    np.testing.assert_allclose(track_probability(activations), expected, rtol=1e-6)


def test_a_bad_file_costs_only_itself(
    tmp_path: Path, recipe: LabelRecipe, requests: list[LabelRequest], outcomes: dict[str, LabelOutcome]
) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    good = requests[-3:]
    bad = [LabelRequest("text", str(tmp_path / "text.wav")), LabelRequest("gone", str(tmp_path / "gone.wav"))]
    labelled = label_batch([bad[0], *good, bad[1]], recipe)
    assert [outcome.label_key for outcome in labelled] == ["text", *(one.label_key for one in good), "gone"]
    assert [outcome.reason for outcome in labelled] == [Reason.UNREADABLE, None, None, None, Reason.VANISHED]
    for outcome in labelled[1:4]:
        np.testing.assert_allclose(
            outcome.probabilities or (), outcomes[outcome.label_key].probabilities or (), atol=1e-6
        )


def test_of_two_batches_in_one_process_one_waits_for_its_turn(tmp_path: Path, recipe: LabelRecipe) -> None:
    files = [write(tmp_path / f"{number}.wav", clicks(120, 4.0)) for number in range(4)]
    at_work: list[str] = []
    order: list[str] = []
    begin = Barrier(2)

    @contextmanager
    def alone(request: LabelRequest) -> Iterator[None]:
        at_work.append(request.label_key)
        assert at_work == [request.label_key]
        yield
        order.append(at_work.pop())

    def analyse(batch: str) -> list[Analysed]:
        begin.wait(60)
        return analyse_batch([LabelRequest(f"{batch}{file.stem}", str(file)) for file in files], recipe.card, alone)

    with ThreadPoolExecutor(2) as pool:
        batches = list(pool.map(analyse, "ab"))
    assert [len(batch) for batch in batches] == [4, 4]
    assert order in ([f"{batch}{number}" for batch in both for number in range(4)] for both in ("ab", "ba"))


def test_a_batch_of_nothing_but_bad_files_and_an_empty_one_are_no_trouble(tmp_path: Path, recipe: LabelRecipe) -> None:
    outcome = label_one(tmp_path / "gone.wav", recipe)
    assert (outcome.status, outcome.stage, outcome.reason) == (Status.QUARANTINED, "decode", Reason.VANISHED)
    assert outcome.message
    assert label_batch([], recipe) == []


def test_a_files_outcome_is_the_same_alone_and_in_a_batch(
    recipe: LabelRecipe, requests: list[LabelRequest], outcomes: dict[str, LabelOutcome]
) -> None:
    for request in requests[:1] + requests[-4:]:
        (alone,) = label_batch([request], recipe)
        together = outcomes[request.label_key]
        assert (alone.bpm, alone.kind, alone.duration_s) == (together.bpm, together.kind, together.duration_s)
        for one, other in zip(alone.segments, together.segments, strict=True):
            assert (one.segment, one.start_bar, one.end_bar) == (other.segment, other.start_bar, other.end_bar)
            np.testing.assert_allclose(one.activations, other.activations, atol=1e-6)


def test_music_without_a_beat_has_roles_and_no_segments(tmp_path: Path, recipe: LabelRecipe) -> None:
    outcome = label_one(write(tmp_path / "sea.wav", noise(40.0)), recipe)
    assert (outcome.status, outcome.kind, outcome.segments) == (Status.NO_TEMPO, Kind.TRACK, ())
    assert (outcome.bpm, outcome.bpm_source, outcome.first_downbeat_s) == (None, None, None)
    assert len(outcome.probabilities or ()) == len(ROLES)


def test_a_stated_tempo_gives_a_grid_even_to_what_has_no_beat(tmp_path: Path, recipe: LabelRecipe) -> None:
    outcome = label_one(write(tmp_path / "sea.wav", noise(40.0)), recipe, bpm=120.0, kind=Kind.TRACK)
    assert (outcome.status, len(outcome.segments)) == (Status.LABELLED, 5)


def test_a_track_without_a_stated_tempo_is_given_an_estimated_one(recipe: LabelRecipe) -> None:
    outcome = label_one(TRACKS / "loop_arrangement.ogg", recipe)
    assert outcome.kind is Kind.TRACK
    assert outcome.bpm_source is BpmSource.ESTIMATE
    assert outcome.bpm == pytest.approx(128, abs=0.1)


def test_a_manifests_first_downbeat_moves_the_grid(tmp_path: Path, recipe: LabelRecipe) -> None:
    path = write(tmp_path / "a.wav", clicks(120, 40.0, 3.0))
    outcome = label_one(path, recipe, bpm=120.0, kind=Kind.TRACK, first_downbeat_s=3.0)
    assert outcome.first_downbeat_s == 3.0
    assert [(one.segment, one.start_bar, one.start_s) for one in outcome.segments[:2]] == [(-1, -1, 0.0), (0, 1, 3.0)]


@pytest.mark.parametrize(
    ("name", "seconds", "kind"),
    [
        ("short.wav", 8.0, Kind.LOOP),
        ("long.wav", 31.0, Kind.TRACK),
        ("seven_bars_120bpm.wav", 14.0, Kind.LOOP),
        ("eight_bars_120bpm.wav", 16.0, Kind.TRACK),
    ],
)
def test_a_kind_that_nobody_stated_is_told_by_the_length(
    tmp_path: Path, recipe: LabelRecipe, name: str, seconds: float, kind: Kind
) -> None:
    assert label_one(write(tmp_path / name, clicks(120, seconds)), recipe).kind is kind


def fading(seconds: float) -> Signal:
    """A note that dies away."""
    return (tone(seconds, 110.0) * np.exp(-7 * np.linspace(0, 1, round(seconds * RATE)))).astype(np.float32)


def test_a_one_shot_has_roles_and_neither_tempo_nor_map(tmp_path: Path, recipe: LabelRecipe) -> None:
    outcome = label_one(write(tmp_path / "stab.wav", fading(2.0)), recipe)
    assert (outcome.status, outcome.kind, outcome.reason) == (Status.LABELLED, Kind.ONESHOT, None)
    assert len(outcome.probabilities or ()) == len(ROLES)
    tempo = (outcome.bpm, outcome.bpm_source, outcome.bpm_confidence, outcome.bpm_alternative, outcome.first_downbeat_s)
    assert tempo == (None,) * 5
    assert outcome.segments == outcome.bars == outcome.role_spans == outcome.sections == ()
    document = json.loads(json.dumps(iram_document(outcome)))
    assert (document["kind"], document["bpm"], document["segments"], len(document["roles"])) == ("oneshot", None, [], 6)


def test_a_one_shots_roles_are_those_of_the_same_sound_as_a_loop(tmp_path: Path, recipe: LabelRecipe) -> None:
    path = write(tmp_path / "stab.wav", fading(2.0))
    hit, loop = (label_one(path, recipe, kind=kind) for kind in (Kind.ONESHOT, Kind.LOOP))
    np.testing.assert_allclose(hit.probabilities or (), loop.probabilities or (), atol=1e-6)
    assert (loop.bpm, loop.bpm_confidence) == (120.0, 0.4)


def test_a_manifest_makes_a_one_shot_of_anything_and_a_loop_of_a_hit(tmp_path: Path, recipe: LabelRecipe) -> None:
    drums = write(tmp_path / "drums.wav", clicks(120, 40.0))
    assert label_one(drums, recipe, kind=Kind.ONESHOT, bpm=120.0).bpm is None
    assert label_one(write(tmp_path / "stab.wav", fading(2.0)), recipe, bpm=90.0).kind is Kind.LOOP


def test_what_a_loop_library_wrote_is_believed(tmp_path: Path, recipe: LabelRecipe) -> None:
    jungle, tail, hit = (tmp_path / f"{name}.wav" for name in ("jungle", "tail", "hit"))
    jungle.write_bytes(wav(clicks(174, 16 * 60 / 174), acid(174.0, 16, root=57)))
    tail.write_bytes(wav(clicks(140, 16 * 60 / 140 + 0.5), acid(140.0, 16)))
    hit.write_bytes(wav(clicks(120, 2.0), acid(120.0, 4, one_shot=True)))
    told = [label_one(path, recipe) for path in (jungle, tail, hit)]
    assert [(one.kind, one.bpm, one.bpm_source) for one in told] == [
        (Kind.LOOP, 174.0, BpmSource.ACID),
        (Kind.LOOP, 140.0, BpmSource.ACID),
        (Kind.ONESHOT, None, None),
    ]
    assert (told[0].key, told[0].mode, told[0].key_source) == ("A", None, KeySource.ACID)


def test_a_number_in_a_name_that_the_sound_contradicts_is_not_the_tempo(tmp_path: Path, recipe: LabelRecipe) -> None:
    track = shutil.copy(TRACKS / "loop_arrangement.ogg", tmp_path / "101 Night Bus.ogg")
    loop = write(tmp_path / "SH-101 Jam.wav", clicks(128, 7.5))
    told = [label_one(Path(path), recipe) for path in (track, loop)]
    assert [(one.bpm, one.bpm_source) for one in told] == [(128.0, BpmSource.ESTIMATE), (128.0, BpmSource.LENGTH)]


def test_a_stated_kind_is_believed(tmp_path: Path, recipe: LabelRecipe) -> None:
    path = write(tmp_path / "a.wav", clicks(120, 40.0))
    assert label_one(path, recipe, kind=Kind.LOOP).segments[0].end_s == pytest.approx(40.0)


def test_labels_do_not_depend_on_how_loud_a_file_is(tmp_path: Path, recipe: LabelRecipe) -> None:
    samples = clicks(120, 8.0)
    loud, soft = (
        label_one(write(tmp_path / f"{gain}.wav", samples * gain, subtype="FLOAT"), recipe).probabilities
        for gain in (0.9, 0.09)
    )
    np.testing.assert_allclose(loud or (), soft or (), atol=1e-3)


def test_the_json_document_says_what_the_outcome_says(outcomes: dict[str, LabelOutcome]) -> None:
    outcome = outcomes["dirtylove"]
    document = json.loads(json.dumps(iram_document(outcome)))
    assert (document["path"], document["kind"], document["bpm"]) == (str(TRACKS / "dirtylove.ogg"), "track", 177.0)
    assert [entry["role"] for entry in document["roles"]] == list(ROLES)
    assert len(document["segments"]) == len(outcome.segments)
    assert list(document["segments"][0]["activations"]) == list(ROLES)
    assert tuple(document["segments"][3]["activations"].values()) == outcome.segments[3].activations


def test_a_tempo_in_a_file_name_is_used(recipe: LabelRecipe) -> None:
    outcome = label_one(LOOPS / "loop_breakbeat_126bpm.ogg", recipe)
    assert (outcome.bpm, outcome.bpm_source, outcome.kind) == (126.0, BpmSource.FILENAME, Kind.LOOP)


def test_a_key_is_told_with_its_source_where_somebody_wrote_it_or_where_it_is_heard_clearly(
    tmp_path: Path, recipe: LabelRecipe, outcomes: dict[str, LabelOutcome]
) -> None:
    outcome = outcomes["ambi_glass_hum"]
    assert (outcome.key, outcome.mode, outcome.key_source) == ("A", "major", KeySource.ESTIMATE)
    assert (outcome.key_confidence or 0) >= 0.5
    drone = (LOOPS / "loop_drone_g_97.ogg").read_bytes()
    named = tmp_path / "drone_Gm.ogg"
    named.write_bytes(drone)
    labelled = [label_one(named, recipe), label_one(named, recipe, key="Bb"), outcomes["loop_drone_g_97"]]
    assert [(one.key, one.mode, one.key_source) for one in labelled] == [
        ("G", "minor", KeySource.FILENAME),
        ("A#", None, KeySource.MANIFEST),
        ("G", "minor", KeySource.ESTIMATE),
    ]
    assert iram_document(labelled[0])["key"] == "G"


@pytest.mark.parametrize(
    "name", ["loop_amen_full_140bpm", "loop_tabla", "loop_perc1_97", "dirtylove_percussion_bar009_177bpm"]
)
def test_drums_have_no_key(outcomes: dict[str, LabelOutcome], name: str) -> None:
    outcome = outcomes[name]
    assert (outcome.key, outcome.mode, outcome.key_source, outcome.key_confidence) == (None, None, None, None)
