"""Soft labels of a data set, `soft-labels.parquet`: a teacher's probabilities of the roles in each row."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from storage.errors import UserError
from storage.files import atomic_path
from storage.vocabulary import ROLES

_NAME: Final = "soft-labels.parquet"


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities (n, roles) by mix id, of a data set with this digest; `teacher` names the model.

    `scores` are the teacher's own, by split and kind of row. Answers on rows of the training split come from heads
    that did not learn from those rows.
    """

    mix_ids: Sequence[str]
    answers: NDArray[np.float32]
    dataset_digest: str
    teacher: str
    scores: dict[str, Any]

    def of(self, mix_ids: Sequence[str]) -> NDArray[np.float32]:
        """The probabilities (n, roles) of these rows, in their order."""
        places = {mix_id: place for place, mix_id in enumerate(self.mix_ids)}
        return self.answers[[places[mix_id] for mix_id in mix_ids]]


def write_soft_labels(folder: Path, soft: SoftLabels) -> None:
    """Write them into a data set's folder, whole or not at all."""
    metadata = {
        "rolecall.table": "soft_labels",
        "rolecall.roles": ",".join(ROLES),
        "rolecall.dataset_digest": soft.dataset_digest,
        "rolecall.teacher": soft.teacher,
        "rolecall.scores": json.dumps(soft.scores),
    }
    answers = pa.FixedSizeListArray.from_arrays(pa.array(soft.answers.astype(np.float32).ravel()), len(ROLES))
    table = pa.table({"mix_id": pa.array(soft.mix_ids, pa.string()), "answers": answers})
    with atomic_path(folder / _NAME) as temporary:
        pq.write_table(table.replace_schema_metadata(metadata), temporary, compression="zstd")


def read_soft_labels(folder: Path, dataset_digest: str) -> SoftLabels | None:
    """The soft labels of a data set, or None if it has none; raises UserError if its rows have changed since."""
    path = folder / _NAME
    if not path.exists():
        return None
    table = pq.read_table(path)
    metadata = {key.decode(): value.decode() for key, value in (table.schema.metadata or {}).items()}
    if metadata["rolecall.dataset_digest"] != dataset_digest:
        raise UserError(
            f"{path} was made for other rows than the data set has now; run rolecall dataset teach {folder.name} again"
        )
    flat = table.column("answers").combine_chunks().flatten()
    return SoftLabels(
        table.column("mix_id").to_pylist(),
        flat.to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, len(ROLES)),
        dataset_digest,
        metadata["rolecall.teacher"],
        json.loads(metadata["rolecall.scores"]),
    )
