import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from storage.errors import UserError
from storage.loops.table import SCHEMA_VERSION, LoopError, check_loop, read_loops, write_loops
from tests.support.dummies import loop

FULL = loop(
    3, roles=("bass", "fx"), bpm_source="manifest", bars=4.0, key="C#", mode="minor", author="Ana", url="https://x",
    annotators=3, flags=("loud",), extra='{"mood": "dark"}',
    licence="CC BY 4.0", roles_source="manifest", key_source="filename", audio_digest="d" * 64,
)  # fmt: skip
BARE = loop(1, roles=(), bpm=None)


def test_loops_come_back_as_they_were_ordered_by_id(tmp_path: Path) -> None:
    write_loops(tmp_path / "loops.parquet", [FULL, BARE])
    assert read_loops(tmp_path / "loops.parquet") == [BARE, FULL]


def test_no_table_yet_is_no_loops_and_no_loops_are_a_table(tmp_path: Path) -> None:
    assert read_loops(tmp_path / "loops.parquet") == []
    write_loops(tmp_path / "loops.parquet", [])
    assert read_loops(tmp_path / "loops.parquet") == []


def test_a_table_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "loops.parquet"
    write_loops(path, [BARE])
    newer = {b"rolecall.schema_version": str(SCHEMA_VERSION + 1).encode()}
    pq.write_table(pq.read_table(path).replace_schema_metadata(newer), path)
    with pytest.raises(UserError, match=rf"loops.parquet has schema version {SCHEMA_VERSION + 1}.*upgrade"):
        read_loops(path)


def test_the_table_names_itself_and_its_version(tmp_path: Path) -> None:
    write_loops(tmp_path / "loops.parquet", [BARE])
    metadata = pq.read_schema(tmp_path / "loops.parquet").metadata
    assert metadata[b"rolecall.table"] == b"loops"
    assert metadata[b"rolecall.schema_version"] == str(SCHEMA_VERSION).encode()


def test_the_json_form_has_lists_and_an_object() -> None:
    document = FULL.to_dict()
    assert (document["roles"], document["flags"], document["extra"]) == (["bass", "fx"], ["loud"], {"mood": "dark"})


def test_the_class_of_a_licence_is_a_column_of_the_table_and_of_the_json(tmp_path: Path) -> None:
    write_loops(tmp_path / "loops.parquet", [FULL, BARE])
    assert pq.read_table(tmp_path / "loops.parquet")["licence_class"].to_pylist() == ["unspecified", "by"]
    assert FULL.to_dict()["licence_class"] == "by"


def test_a_table_of_the_first_schema_is_read_with_what_it_lacks_unknown(tmp_path: Path) -> None:
    path = tmp_path / "loops.parquet"
    write_loops(path, [BARE])
    newer = ["roles_source", "key_source", "audio_digest", "licence_class"]
    old = pq.read_table(path).drop_columns(newer)
    pq.write_table(old.replace_schema_metadata({b"rolecall.schema_version": b"1"}), path)
    assert read_loops(path) == [BARE]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"loop_id": "xyz"}, "loop_id is 'xyz'"), ({"sha256": ""}, "sha256 is ''"), ({"path": "a.wav"}, "path is"),
        ({"duration_s": 0.0}, "duration_s is 0.0"), ({"duration_s": float("nan")}, "duration_s is nan"),
        ({"roles": ("drums",)}, "roles.0 is 'drums'"), ({"group": ""}, "group is ''"),
        ({"bpm": 19.0}, "bpm is 19.0"), ({"bpm": float("inf")}, "bpm is inf"), ({"bars": -4.0}, "bars is -4.0"),
        ({"key": "Db"}, "key is 'Db'"), ({"mode": "dorian"}, "mode is 'dorian'"), ({"licence": ""}, "licence is ''"),
        ({"annotators": 0}, "annotators is 0"), ({"unknown_roles": ("bass",)}, "unknown_roles has a role"),
        ({"extra": "[]"}, "extra is no JSON object"), ({"extra": "{"}, "extra is no JSON object"),
    ],
)  # fmt: skip
def test_a_record_that_may_not_enter_the_table_is_named_with_its_field(
    tmp_path: Path, changes: dict[str, Any], complaint: str
) -> None:
    wrong = replace(FULL, **changes)
    with pytest.raises(LoopError, match=re.escape(complaint)) as caught:
        check_loop(wrong)
    assert str(caught.value).startswith(f"{wrong.source}: {wrong.path}: ")
    with pytest.raises(LoopError):
        write_loops(tmp_path / "loops.parquet", [BARE, wrong])
    assert not (tmp_path / "loops.parquet").exists()
