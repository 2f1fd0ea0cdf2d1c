import numpy as np
from numpy.typing import NDArray

from storage.vocabulary import ROLES
from tasks.section_training.truth import labels_of_bars, sections_of_roles, sections_of_words


def roles_of(*segments: str) -> NDArray[np.float32]:
    """Segments by the first letters of the roles that sound; ? for fx, melody, chords or vocal, nobody knows which."""
    rows = np.array([[role[0] in letters for role in ROLES] for letters in segments], np.float32)
    for row, letters in zip(rows, segments, strict=True):
        if "?" in letters:
            row[2:] = -1
    return rows


def test_groove_and_drop_are_cores_and_other_words_stand_for_themselves() -> None:
    words = ["intro", "groove", "build", "drop", "break", "drop", "outro"]
    assert sections_of_words(words) == ["intro", "core", "build", "core", "break", "core", "outro"]


def test_a_word_that_is_no_label_is_what_its_place_makes_of_it() -> None:
    words = ["strip", "groove", "strip", "drop", "strip"]
    assert sections_of_words(words) == ["intro", "core", "break", "core", "outro"]


def test_a_core_has_percussion_and_three_quarters_of_the_roles() -> None:
    truth = roles_of("p", "p", "pbmc", "pbmc", "c", "c", "pbmc", "pbmc", "p", "p")
    assert sections_of_roles(truth) == [*["intro"] * 2, *["core"] * 2, *["break"] * 2, *["core"] * 2, *["outro"] * 2]


def test_ambiguous_stems_count_as_one_role_that_sounds() -> None:
    assert sections_of_roles(roles_of("p", "p", "pb?", "pb?", "p")) == ["intro", "intro", "core", "core", "outro"]


def test_four_bars_with_less_are_no_break_unless_the_drums_stop() -> None:
    assert sections_of_roles(roles_of("pbmc", "pbmc", "pb", "pbmc", "pbmc")) == ["core"] * 5
    assert sections_of_roles(roles_of("pbmc", "pbmc", "mc", "pbmc", "pbmc"))[2] == "break"


def test_full_and_quiet_is_no_core() -> None:
    levels_db = np.array([-10.0, -10.0, 0.0, 0.0])
    assert sections_of_roles(roles_of(*["pbmc"] * 4), levels_db) == ["intro", "intro", "core", "core"]


def test_what_grows_before_a_core_is_a_build() -> None:
    assert sections_of_roles(roles_of("p", "p", "pf", "pbmc", "pbmc"))[2] == "build"


def test_the_last_four_bars_go_on_to_the_end_of_the_track() -> None:
    labels = labels_of_bars(sections_of_words(["intro", "drop"]), 11)
    assert labels.tolist() == [0] * 4 + [2] * 7
