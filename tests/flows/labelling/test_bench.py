"""What a run costs a file: the slope after its first part, or a refusal where there is none."""

import os
from pathlib import Path

import pytest
import soundfile

from flows.labelling.process_observer import ProcessObserver
from storage.catalogue.label_parts import write_part
from storage.errors import UserError
from storage.vocabulary import Reason
from tasks.labelling.outcome import failed_outcome
from tasks.labelling.request import LabelRequest
from tests.support.commands import Command
from tests.support.dummies import TRACKS


def put_part(folder: Path, number: int, files: int) -> None:
    outcomes = [
        failed_outcome(file, "model", "decode", Reason.EMPTY, "empty")
        for file in (LabelRequest(f"{number}-{place}", f"/{number}/{place}.mp3") for place in range(files))
    ]
    write_part(folder / "run" / f"{number}.parquet", outcomes)


def test_a_run_that_gave_no_second_part_is_refused_in_words(tmp_path: Path) -> None:
    watched = ProcessObserver(os.getpid(), tmp_path)
    with pytest.raises(UserError, match="nothing was labelled"):
        watched.marginal()
    put_part(tmp_path, 0, 4)
    watched.look()
    with pytest.raises(UserError, match="name more of them, or longer"):
        watched.marginal()


@pytest.mark.slow
def test_bench_tells_what_a_further_file_costs(rolecall: Command, tmp_path: Path) -> None:
    samples, rate = soundfile.read(TRACKS / "dirtylove.ogg", dtype="float32", frames=44_100 * 40)
    for number in range(8):
        soundfile.write(tmp_path / f"{number}.mp3", samples * (1 - number / 20), rate, format="MP3")
    ended = rolecall("bench", tmp_path, "--json")
    assert ended.code == 0, ended.err
    figures = ended.json()
    # So few files are labelled by one process, whose first one counts as start-up.
    assert figures["files"] == 7
    assert set(figures["stages_times_decoding"]) == {"decode", "resample", "mel", "tempo", "segments", "network"}
    assert figures["label_times_decoding"] > 1
    assert 0 < figures["prefect_dask_commit_share"] < 1
    assert 50 < figures["worker_megabytes"] < 700
    assert figures["million_files_price"] > 0
