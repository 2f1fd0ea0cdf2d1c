import json
from pathlib import Path

from tasks.attribution import attribution, credits_json, licence_counts, write_credits
from tests.dummies import loop

LOOPS = [
    loop(2, group="kit", licence="CC0"),
    loop(1, group="kit", licence="CC BY 4.0", author="Ana", url="https://example.org/1"),
    loop(3, group="song", licence="CC0"),
    loop(4, group="kit", licence="CC0"),
]


def test_loops_are_counted_by_source_and_licence() -> None:
    assert licence_counts(LOOPS) == [
        {"source": "folder: kit", "licence": "CC BY 4.0", "loops": 1},
        {"source": "folder: kit", "licence": "CC0", "loops": 2},
        {"source": "folder: song", "licence": "CC0", "loops": 1},
    ]


def test_every_loop_is_credited_once_with_author_licence_and_address() -> None:
    page = attribution("my set", LOOPS)
    assert page.startswith("# Sources of my set")
    assert all(page.count(one.loop_id) == 1 for one in LOOPS)
    assert f"| {LOOPS[1].loop_id} | Ana | CC BY 4.0 | by | https://example.org/1 |" in page
    assert f"| {LOOPS[0].loop_id} | unknown | CC0 | cc0 |  |" in page
    assert page == attribution("my set", LOOPS[::-1])


def test_the_credits_have_freesounds_own_form() -> None:
    sound = loop(
        5, licence="http://creativecommons.org/licenses/by/3.0/", author="Ana", url="https://example.org/s/5/",
        extra='{"name": "dark bass.wav", "author_url": "https://example.org/people/Ana/"}',
    )  # fmt: skip
    bare = loop(6)
    assert credits_json([bare, sound]) == [
        {
            "sound_url": "https://example.org/s/5/",
            "sound_name": "dark bass.wav",
            "author_url": "https://example.org/people/Ana/",
            "author_name": "Ana",
            "license_url": "http://creativecommons.org/licenses/by/3.0/",
            "license_name": "Attribution 3.0",
        },
        {
            "sound_url": None, "sound_name": bare.loop_id, "author_url": None, "author_name": None,
            "license_url": None, "license_name": "unspecified",
        },
    ]  # fmt: skip


def test_a_page_says_when_something_in_it_may_not_be_published_and_its_table_holds_any_text() -> None:
    page = attribution("my set", [loop(1, licence="see | the\nbox"), loop(2)])
    assert "1 loops have no licence" in page
    assert "| see \\| the box | other |" in page


def test_the_credits_are_written_as_a_page_and_as_json(tmp_path: Path) -> None:
    page, document = write_credits("my set", LOOPS, tmp_path / "out")
    assert page.read_text() == attribution("my set", LOOPS)
    assert json.loads(document.read_text()) == credits_json(LOOPS)
