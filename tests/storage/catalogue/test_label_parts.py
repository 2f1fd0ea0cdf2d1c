from pathlib import Path

import pyarrow.parquet as pq
import pytest

from storage.catalogue.label_parts import SCHEMA, write_part
from storage.vocabulary import Reason
from tests.support.dummies import labelled, refused


def test_a_part_holds_labels_and_refusals_side_by_side(tmp_path: Path) -> None:
    write_part(tmp_path / "run" / "a.parquet", [labelled("a", "m", (0.25,) * 6), refused("b", "m", Reason.VANISHED)])
    table = pq.read_table(tmp_path / "run" / "a.parquet")
    good, bad = table.to_pylist()
    assert table.schema.names == SCHEMA.names
    assert table.schema.metadata == SCHEMA.metadata
    assert (good["probabilities"], good["reason"], good["retryable"]) == ([0.25] * 6, None, None)
    assert good["segments"][0]["activations"] == [0.25] * 6
    assert (bad["probabilities"], bad["segments"], bad["reason"], bad["retryable"]) == (None, [], "vanished", True)


@pytest.mark.parametrize("outcomes", [[], [refused("a", "m")]], ids=["nothing", "nothing good"])
def test_a_part_without_labels_is_a_part(tmp_path: Path, outcomes: list) -> None:
    write_part(tmp_path / "a.parquet", outcomes)
    assert pq.read_table(tmp_path / "a.parquet").num_rows == len(outcomes)
