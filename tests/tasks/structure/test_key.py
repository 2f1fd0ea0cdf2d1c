import numpy as np

from storage.vocabulary import KeySource
from tasks.features.chroma import REGISTERS, chroma_of
from tasks.metadata.key_names import note_set
from tasks.structure.key import Key, estimated_key, reported_key
from tests.support.dummies import RATE
from tests.tasks.features.test_chroma import MAJOR_SCALE, notes


def test_what_sounds_has_an_estimated_key_and_silence_has_none() -> None:
    found = estimated_key(chroma_of(notes(MAJOR_SCALE, 2), RATE))
    assert found is not None
    assert (note_set(found.key, found.mode), found.source) == (note_set("D", "major"), KeySource.ESTIMATE)
    assert estimated_key(np.zeros((0, REGISTERS, 12), np.float32)) is None


def test_an_estimate_is_reported_only_if_it_is_sure_and_notes_sound() -> None:
    sure, unsure = (Key("A", "minor", KeySource.ESTIMATE, confidence) for confidence in (0.9, 0.2))
    assert reported_key(sure, {"melody", "percussion"}) == sure
    assert reported_key(unsure, {"melody"}) is reported_key(sure, {"percussion", "fx", "vocal"}) is None
    stated = Key("A", None, KeySource.FILENAME, 0.9)
    assert reported_key(stated, {"percussion"}) == stated
