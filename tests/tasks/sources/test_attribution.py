import json
from dataclasses import replace
from pathlib import Path

import numpy as np

from storage.datasets.attribution import read_mix_credits
from storage.datasets.plan import Voice
from tasks.datasets.effects import sample_effects
from tasks.datasets.recipe import AugmentRules
from tasks.sources.attribution import (
    attribution,
    changes,
    changes_over,
    credits_json,
    licence_counts,
    mix_credits,
    pass_on_credits,
    write_credits,
    write_dataset_credits,
)
from tests.support.dummies import loop, mix

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
    assert f"| {LOOPS[1].loop_id} |  | Ana | CC BY 4.0 | by | https://example.org/1 |" in page
    assert f"| {LOOPS[0].loop_id} |  | unknown | CC0 | cc0 |  |" in page
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


SOURCES = {
    one.loop_id: one
    for one in [
        loop(1, licence="http://creativecommons.org/licenses/by/3.0/", author="Ana", extra='{"name": "bass.wav"}'),
        loop(2, licence="CC BY-NC 4.0", author="Bo", start_s=8.0, duration_s=4.0),
        loop(3, licence="CC0"),
    ]
}
ONE, TWO, THREE = SOURCES
STRETCHED = mix(Voice(ONE, "bass", 1.05, -2, -3.0), Voice(TWO, "fx", 1.0, 0, 0.0), bpm=126.0, mix_id="mix-train-000000")
PLAIN = mix(Voice(ONE, "bass", 1.0, 0, 0.0), mix_id="loop-1")


def test_a_mix_carries_all_its_sources_with_what_was_done_to_each_and_its_strictest_licence() -> None:
    made = mix_credits(STRETCHED, SOURCES)
    assert (made.mix_id, made.licence_class) == ("mix-train-000000", "by-nc")
    assert [(one.sound_name, one.author_name, one.license_name) for one in made.sources] == [
        ("bass.wav", "Ana", "Attribution 3.0"), (TWO, "Bo", "Attribution NonCommercial 4.0"),
    ]  # fmt: skip
    assert made.sources[0].modifications == (
        "played at 1.0500 times its speed", "transposed by -2 semitones",
        "cut or repeated to four bars at 126 beats per minute", "levelled, then -3.0 dB", "summed with 1 other loop",
    )  # fmt: skip
    assert made.sources[1].modifications[0] == "cut from 8.000 s to 12.000 s"
    assert changes(PLAIN.voices[0], SOURCES[ONE], PLAIN) == (
        "cut or repeated to four bars at 120 beats per minute", "levelled, then +0.0 dB",
    )  # fmt: skip
    assert mix_credits(PLAIN, SOURCES).licence_class == "by"


def test_where_a_loop_begins_and_every_effect_on_its_mix_are_told() -> None:
    rules = {name: 1.0 for name in AugmentRules.model_fields if name.endswith("_share")}
    effects = sample_effects(AugmentRules(**rules), np.random.default_rng(1))
    late = replace(mix(Voice(ONE, "bass", 1.0, 0, 0.0, 4), mix_id="mix-late"), effects=effects)
    sentences = changes(late.voices[0], SOURCES[ONE], late)
    assert sentences[1:3] == ("begun 4 beats in", "levelled, then +0.0 dB")
    assert len(sentences) == 3 + len(effects) == 3 + len(rules)
    for effect, sentence in zip(effects, sentences[3:], strict=True):
        named = {name: value for name, value in effect.parameters.items() if name != "seed"}
        assert all(f"{value:g}" in sentence for value in named.values()), sentence
    over = changes_over([late, PLAIN])[ONE]
    assert over[0] == "in 2 mixes"
    assert {"begun up to 4 beats in", "low pass on 1 mix", "codec on 1 mix"} <= set(over)


def test_a_data_set_credits_every_loop_once_over_all_mixes_and_every_mix_by_itself(tmp_path: Path) -> None:
    page, document, table = write_dataset_credits("my set", [STRETCHED, PLAIN], SOURCES, tmp_path)
    text = page.read_text()
    assert "the strictest class of licence among them is `by-nc`" in text.lower()
    assert "in 2 mixes; cut or repeated to four bars; played at 1.000 to 1.050 times its speed" in text
    assert THREE not in text
    entries = json.loads(document.read_text())
    assert [entry["author_name"] for entry in entries] == ["Ana", "Bo"]
    assert "transposed by -2 to +0 semitones" in entries[0]["modifications"]
    assert read_mix_credits(table) == [mix_credits(STRETCHED, SOURCES), mix_credits(PLAIN, SOURCES)]


def test_a_model_carries_the_credits_of_its_data_set(tmp_path: Path) -> None:
    written = write_dataset_credits("my set", [PLAIN], SOURCES, tmp_path / "set")
    pass_on_credits(tmp_path / "set", tmp_path / "model")
    assert [(tmp_path / "model" / path.name).read_text() for path in written[:2]] == [
        path.read_text() for path in written[:2]
    ]
