from tasks.sources.statistics import loop_statistics
from tests.support.dummies import loop


def test_loops_are_counted_by_role_source_licence_and_tempo() -> None:
    loops = [
        loop(1, bpm=120.0, licence="CC BY 4.0"),
        loop(2, bpm=129.9, roles=("bass", "fx"), source="fsld", licence="CC BY 3.0"),
        loop(3, bpm=None, roles=()),
        loop(4, bpm=95.0),
    ]
    assert loop_statistics(loops) == {
        "loops": 4,
        "duration_s": 32.0,
        "roles": {"bass": 3, "fx": 1, "unknown": 1},
        "sources": {"folder": 3, "fsld": 1},
        "licences": {"CC BY 3.0": 1, "CC BY 4.0": 1, "unspecified": 2},
        "licence_classes": {"by": 2, "unspecified": 2},
        "bpm": {"90": 1, "120": 2, "unknown": 1},
    }


def test_no_loops_are_no_numbers() -> None:
    assert loop_statistics([])["loops"] == 0
