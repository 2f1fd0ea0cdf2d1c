import json
from pathlib import Path

import pytest

from storage.errors import UserError
from storage.models import BUNDLED, CARD_VERSION, ModelStore, identify
from tests.support.dummies import card

WEIGHTS = b"weights"
FIRST, SECOND = card(name="first"), card(name="second", mel={"mels": 32}, created_at="2025-01-01T00:00:00+00:00")


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    for one in (FIRST, SECOND):
        store.save(one, WEIGHTS)
    return store


def own_beginning(store: ModelStore) -> str:
    """As much of the first model's id as no other one begins with."""
    others = {one.model_id for one in store.list()} - {FIRST.model_id}
    return next(
        beginning
        for length in range(13)
        if not any(other.startswith(beginning := FIRST.model_id[:length]) for other in others)
    )


def test_a_saved_model_comes_back_as_it_was(store: ModelStore) -> None:
    stored = store.load(FIRST.model_id)
    assert stored.card == FIRST
    assert stored.weights.read_bytes() == WEIGHTS


def test_a_model_is_found_by_name_and_by_a_beginning_that_only_it_has(store: ModelStore) -> None:
    assert store.load("second").card == SECOND
    assert store.load(own_beginning(store)).card == FIRST


def test_the_bundled_model_is_there_before_any_other(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "none yet")
    stored = store.load("default")
    assert stored.weights.parent == BUNDLED
    assert store.load(stored.card.model_id) == stored
    assert store.list() == [stored.card]


def test_models_are_listed_with_the_bundled_one_first_and_then_by_age(store: ModelStore) -> None:
    assert [one.name for one in store.list()[1:]] == ["second", "first"]
    assert store.list()[0] == store.load("default").card


def test_an_unknown_id_lists_the_known_ones(store: ModelStore) -> None:
    with pytest.raises(UserError, match=r"no model is called 'nobody'.*first.*") as caught:
        store.load("nobody")
    assert FIRST.model_id in str(caught.value)
    assert SECOND.model_id in str(caught.value)


def test_a_beginning_that_several_have_is_refused(store: ModelStore) -> None:
    with pytest.raises(UserError, match="more than one model is called ''"):
        store.load("")


def test_weights_that_are_not_the_cards_are_refused(store: ModelStore) -> None:
    path = store.root / FIRST.model_id / "model.safetensors"
    path.write_bytes(WEIGHTS + b"!")
    with pytest.raises(UserError, match=r"model.safetensors is not the file that its card describes"):
        store.load(FIRST.model_id)


def test_missing_weights_are_refused_by_name(store: ModelStore) -> None:
    (store.root / FIRST.model_id / "model.safetensors").unlink()
    with pytest.raises(UserError, match=rf"{FIRST.model_id}/model.safetensors is missing"):
        store.load(FIRST.model_id)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"card_version": CARD_VERSION + 1}, "newer rolecall"),
        ({"card_version": CARD_VERSION + 1, "invented": "later"}, "newer rolecall"),
        ({"roles": ["bass", "drums"]}, "names the roles bass, drums"),
        ({"unsure": None}, "is not a model card"),
        ({"invented": 1}, "is not a model card"),
    ],
)
def test_a_card_that_cannot_be_used_is_refused_by_name(
    store: ModelStore, changes: dict[str, object], complaint: str
) -> None:
    path = store.root / FIRST.model_id / "card.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(UserError, match=f"card.json .*{complaint}|card.json {complaint}"):
        store.load(FIRST.model_id)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "null"])
def test_a_card_that_is_none_is_refused_by_name(store: ModelStore, text: str) -> None:
    (store.root / FIRST.model_id / "card.json").write_text(text)
    with pytest.raises(UserError, match=r"card.json is not a model card"):
        store.list()


def test_an_id_is_of_what_decides_an_answer_and_of_nothing_else() -> None:
    plain = card(model_id="x")
    same = [identify(card(**change)) for change in ({}, {"name": "other"}, {"metrics": {}}, {"created_at": "2027"})]
    assert {one.model_id for one in same} == {identify(plain).model_id}
    other = [identify(card(**change)) for change in ({"weights_digest": "w"}, {"mel": {"mels": 1}}, {"network": {}})]
    assert len({identify(plain).model_id, *(one.model_id for one in other)}) == 4


def test_scores_are_read_from_the_test_split_if_they_were_measured() -> None:
    assert (FIRST.macro_pr_auc, FIRST.macro_roc_auc) == (0.75, 0.875)
    assert card(metrics={}).macro_pr_auc is None
    assert card(metrics={"test": {"mix": {"macro_pr_auc": None}}}).macro_pr_auc is None


FAILURE = {"what": "a: b", "said": "fx on (0.99)", "true": "bass", "why": "it is low", "picture": "failure-1.png"}


@pytest.mark.parametrize(
    ("failures", "complaint"),
    [
        ({}, "is no list of failures"),
        ([FAILURE, "text"], "failure 2 has no text 'what'; write one"),
        ([{**FAILURE, "why": None}], "failure 1 has no text 'why'; write one"),
    ],
)
def test_failures_that_a_person_spoilt_are_refused_and_named(
    store: ModelStore, tmp_path: Path, failures: object, complaint: str
) -> None:
    (tmp_path / "failures.json").write_text(json.dumps(failures))
    with pytest.raises(UserError, match=rf"failures\.json:? {complaint}"):
        store.explain("first", tmp_path)
    (tmp_path / "failures.json").write_text(json.dumps([FAILURE]))
    assert store.explain("first", tmp_path).failures == [FAILURE]
