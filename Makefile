# Two commands: `make demo` runs the main job on a fresh machine, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Test files at a time. They share a Prefect server and Dask workers; drills start their own workers.
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)
TESTS ?= not drill and not benchmark
PYTEST := $(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

.PHONY: demo test lint types check drill bench docs clean

demo: $(VENV)/.installed  ## label the bundled music, ask three questions, draw the maps
	$(BIN)/rolecall demo

test: $(VENV)/.installed  ## every test but the drills and the benchmarks
	$(PYTEST) -m "$(TESTS)"

check: lint types  ## what to run before a commit: style, types and the fast tests
	$(PYTEST) -m "not slow and not drill and not benchmark"

drill: $(VENV)/.installed  ## tests that break something on purpose; 100 rounds of kills take most of an hour
	ROLECALL_DRILL_ROUNDS=$${ROLECALL_DRILL_ROUNDS:-100} $(PYTEST) -m drill

bench: $(VENV)/.installed  ## figures, not verdicts
	$(BIN)/pytest -m benchmark -s

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

docs: $(VENV)/.installed  ## the reference in docs/sql.md, from the comments in storage/sql
	$(BIN)/python docs/sql_reference.py

# How the model was made: from parts, in two trainings, on loops of some 1,200 people.
# CORPUS has folders with a manifest.csv each, of loops and one-shots, and tracks/*/truth.csv. What no command can write
# is why the model errs: `rolecall evaluate MODEL --failures FOLDER` shows where, `rolecall models explain MODEL FOLDER`
# puts the reasons on its card.
MODEL_WORKSPACE ?= .model
# On one thread, so that the bits do not depend on how many cores there are. What glibc is told to keep for the next step
# it need not ask the system for: a fifth quicker.
KEEP_MEMORY := MALLOC_MMAP_THRESHOLD_=33554432 MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=268435456
TRAIN := OMP_NUM_THREADS=1 $(KEEP_MEMORY) $(BIN)/rolecall train bundled-model --workspace $(MODEL_WORKSPACE)
ask = $(BIN)/rolecall sql "$(1)" --format csv --workspace $(MODEL_WORKSPACE) | tail -n +2

latest = $(call ask,SELECT model_id FROM models WHERE name LIKE '%-bce-bundled-model' ORDER BY created_at DESC LIMIT 1)

# What took long is not done again where a `make model` was stopped. A fetch that left out broken files ends with 3.
$(MODEL_WORKSPACE)/.fetched: $(VENV)/.installed
	for manifest in $(CORPUS)/*/manifest.csv; do \
	  [ $$manifest = $(CORPUS)/tracks/manifest.csv ] || \
	  $(BIN)/rolecall fetch folder $$(dirname $$manifest) --workspace $(MODEL_WORKSPACE) || [ $$? -eq 3 ] || exit; done
	$(BIN)/rolecall fetch compositions $(CORPUS)/tracks --workspace $(MODEL_WORKSPACE) || [ $$? -eq 3 ]
	touch $@

$(MODEL_WORKSPACE)/.rendered: $(MODEL_WORKSPACE)/.fetched
	$(BIN)/rolecall dataset build bundled-model --workspace $(MODEL_WORKSPACE)
	touch $@

$(MODEL_WORKSPACE)/.trained: $(MODEL_WORKSPACE)/.rendered
	$(TRAIN) --width 28 --parts 0.5 --epochs 36 --patience 36 --steps 100
	$(latest) > $@

.PHONY: model
model: $(MODEL_WORKSPACE)/.trained  ## make model CORPUS=folder: a model made as the bundled one was, from loops to card
	$(TRAIN) --width 28 --parts 0.5 --epochs 12 --patience 12 --steps 100 --rate 0.0015 --start $$(cat $<)
	made=$$($(latest)); \
	  cp $(MODEL_WORKSPACE)/models/$$made/card.json $(MODEL_WORKSPACE)/models/$$made/model.safetensors storage/bundled/model/
	$(BIN)/rolecall evaluate default --on $(CORPUS)/loops --report $(MODEL_WORKSPACE)/loops.md
	cp $(MODEL_WORKSPACE)/loops-reliability.png storage/bundled/model/calibration.png
	cp $(MODEL_WORKSPACE)/loops-confusion.png storage/bundled/model/confusion.png
	cp "$$(ls -t $(MODEL_WORKSPACE)/models/curves/*.png | head -n 1)" storage/bundled/model/curves.png
	$(BIN)/rolecall evaluate default --on $(CORPUS)/tracks

.PHONY: sections
sections: $(VENV)/.installed  ## make sections CORPUS=folder: the section model again, for the bundled label model
	OMP_NUM_THREADS=1 $(BIN)/python -m tasks.section_training $(CORPUS)/tracks storage/bundled/sections.safetensors

.PHONY: keys
keys: $(VENV)/.installed  ## make keys CORPUS=folder: the key network again, from loops and tracks of known key
	OMP_NUM_THREADS=1 $(BIN)/python -m tasks.key_training $(CORPUS) storage/bundled/keys.safetensors

.PHONY: pictures
TRACKS := storage/bundled/audio/tracks
pictures: $(VENV)/.installed  ## the maps in README and docs
	$(BIN)/rolecall iram $(TRACKS)/jousboxx_buzzer_beater.ogg --bpm 128 --plot docs/pictures/iram.png
	$(BIN)/rolecall iram $(TRACKS)/dirtylove.ogg --bpm 177 --plot docs/pictures/dirtylove.png
	$(BIN)/rolecall iram $(TRACKS)/loop_arrangement.ogg --bpm 128 --plot docs/pictures/arrangement.png

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) .model .mypy_cache .ruff_cache .pytest_cache
