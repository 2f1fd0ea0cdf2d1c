from tasks.attribution import attribution, licence_counts
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
    assert f"| {LOOPS[1].loop_id} | Ana | CC BY 4.0 | https://example.org/1 |" in page
    assert f"| {LOOPS[0].loop_id} | unknown | CC0 |  |" in page
    assert page == attribution("my set", LOOPS[::-1])
