"""What the Makefile does around the commands, where no command can be asked about it."""

import subprocess
import sys
from pathlib import Path

import pytest

from storage.loops.table import read_loops
from tests.flows.fetching.test_fetch_compositions import make as make_composition
from tests.support.commands import Program
from tests.support.documentation_pages import ROOT
from tests.support.dummies import clicks, write

pytestmark = pytest.mark.slow


def test_make_model_fetches_every_folder_of_a_corpus_though_some_files_are_refused(
    program: Program, tmp_path: Path
) -> None:
    corpus, workspace = tmp_path / "corpus", tmp_path / "workspace"
    for kind, role in (("loops", "percussion"), ("oneshots", "fx")):
        write(corpus / kind / "good.wav", clicks(120, 8.0, first_downbeat_s=0.1 * len(role)))
        write(corpus / kind / "short.wav", clicks(120, 0.1))
        lines = ["path,roles,bpm,group", f"good.wav,{role},120,{kind}", f"short.wav,{role},,{kind}"]
        (corpus / kind / "manifest.csv").write_text("\n".join(lines) + "\n")
    make_composition(corpus / "tracks", "good")
    make_composition(corpus / "tracks", "broken").write_bytes(b"RIFF")
    (corpus / "tracks" / "manifest.csv").write_text("composition,licence\ngood,CC0\n")
    subprocess.run(
        [
            *("make", f"{workspace}/.fetched", "--old-file", ".venv/.installed"),
            *(f"BIN={Path(sys.executable).parent}", f"CORPUS={corpus}", f"MODEL_WORKSPACE={workspace}"),
        ],
        cwd=ROOT,
        env=program.environment(),
        check=True,
    )
    assert {loop.group for loop in read_loops(workspace / "loops.parquet")} == {"loops", "oneshots", "good"}
