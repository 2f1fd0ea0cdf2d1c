import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.loops.licences import (
    Licence,
    LicenceClass,
    classify,
    parse_freesound_licence,
    parse_licence,
)

KNOWN = [
    ("http://creativecommons.org/publicdomain/zero/1.0/", "cc0", "1.0"),
    ("https://creativecommons.org/publicdomain/zero/1.0/", "cc0", "1.0"),
    ("Creative Commons 0", "cc0", None),
    ("CC0", "cc0", None),
    ("CC0-1.0", "cc0", "1.0"),
    ("CC0 1.0 Universal", "cc0", "1.0"),
    ("http://creativecommons.org/licenses/by/3.0/", "by", "3.0"),
    ("https://creativecommons.org/licenses/by/4.0/", "by", "4.0"),
    ("Attribution", "by", None),
    ("Attribution 4.0", "by", "4.0"),
    ("CC BY 4.0", "by", "4.0"),
    ("http://creativecommons.org/licenses/by-nc/3.0/", "by-nc", "3.0"),
    ("https://creativecommons.org/licenses/by-nc/4.0/", "by-nc", "4.0"),
    ("Attribution NonCommercial", "by-nc", None),
    ("Attribution Noncommercial 3.0", "by-nc", "3.0"),
    ("Attribution-NonCommercial 4.0 International", "by-nc", "4.0"),
    ("http://creativecommons.org/licenses/sampling+/1.0/", "sampling+", "1.0"),
    ("https://creativecommons.org/licenses/sampling%2B/1.0/", "sampling+", "1.0"),
    ("Sampling+", "sampling+", None),
    ("Sampling+ 1.0", "sampling+", "1.0"),
]


@pytest.mark.parametrize(("text", "kind", "version"), KNOWN)
def test_every_form_of_a_freesound_licence_is_recognised_with_its_version(
    text: str, kind: str, version: str | None
) -> None:
    assert parse_freesound_licence(text) == Licence(LicenceClass(kind), version)


@pytest.mark.parametrize(
    "text",
    [
        "", "unknown", "All rights reserved", "http://creativecommons.org/licenses/by-sa/4.0/",
        "https://creativecommons.org/licenses/by-nc-nd/4.0/", "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "https://creativecommons.org/licenses/by-nd/4.0/", "made by my friend 4.0", "https://example.org/licenses/by/",
        "by 4.0 zero", "sampling",
    ],
)  # fmt: skip
def test_what_maps_to_none_of_freesounds_licences_is_none(text: str) -> None:
    assert parse_freesound_licence(text) is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("CC BY-SA 4.0", "by-sa"), ("CC-BY-NC-SA-4.0", "by-nc"), ("CC BY-NC-ND 4.0", "by-nc"),
        ("for non-commercial use only", "by-nc"), ("CC BY-ND 4.0", "other"), ("royalty free", "other"),
        ("credit by name", "other"), ("", "unspecified"), ("  ", "unspecified"), ("unspecified", "unspecified"),
        ("Public Domain", "other"),
    ],
)  # fmt: skip
def test_any_text_of_a_folder_gets_a_class(text: str, kind: str) -> None:
    assert classify(text) == kind


@pytest.mark.parametrize(
    ("text", "name", "url"),
    [
        ("CC BY 4.0", "Attribution 4.0", "https://creativecommons.org/licenses/by/4.0/"),
        ("CC0", "Creative Commons 0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        ("by-nc/3.0", "Attribution NonCommercial 3.0", "https://creativecommons.org/licenses/by-nc/3.0/"),
        ("Sampling+", "Sampling+", "https://creativecommons.org/licenses/sampling+/1.0/"),
        ("Attribution", "Attribution", None),
    ],
)
def test_a_licence_is_named_and_addressed_as_freesound_does(text: str, name: str, url: str | None) -> None:
    licence = parse_licence(text)
    assert licence is not None
    assert (licence.name, licence.url) == (name, url)


@given(st.text())
def test_no_text_crashes_the_classifier(text: str) -> None:
    assert classify(text) in LicenceClass
