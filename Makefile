# Two commands: `make demo` runs the main job on a fresh machine, `make test` passes the tests.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test lint types check drill bench clean

demo: $(VENV)/.installed  ## label the bundled music, ask three questions, draw the maps
	$(BIN)/rolecall demo

test: $(VENV)/.installed  ## every test but the drills and the benchmarks
	$(BIN)/pytest -m "not drill and not benchmark"

drill: $(VENV)/.installed  ## tests that break something on purpose; 100 rounds of kills take most of an hour
	ROLECALL_DRILL_ROUNDS=$${ROLECALL_DRILL_ROUNDS:-100} $(BIN)/pytest -m drill

bench: $(VENV)/.installed  ## figures, not verdicts
	$(BIN)/pytest -m benchmark -s

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.installed
	$(BIN)/mypy

check: lint types test drill

# How the models were made: three trainings, and a student of all three; CORPUS has loops/manifest.csv and tracks/*/truth.csv.
MODEL_WORKSPACE ?= .model
MODEL_OPTIONS := --width 40 --epochs 13 --patience 13 --workspace $(MODEL_WORKSPACE)
ask = $(BIN)/rolecall sql "$(1)" --format csv --workspace $(MODEL_WORKSPACE) | tail -n +2
define fetch_corpus
	$(BIN)/rolecall fetch folder $(CORPUS)/loops --workspace $(MODEL_WORKSPACE)
	$(BIN)/rolecall fetch compositions $(CORPUS)/tracks --workspace $(MODEL_WORKSPACE)
endef
define train_student
	$(BIN)/rolecall dataset teach $(1) --workspace $(MODEL_WORKSPACE)
	for seed in 2026 2027 2028; do $(BIN)/rolecall train $(1) --seed $$seed $(MODEL_OPTIONS) || exit; done
	$(BIN)/rolecall train $(1) --seed 2027 $(MODEL_OPTIONS) \
	  $$($(call ask,SELECT '--teacher ' || model_id FROM models WHERE name LIKE '%-bce-$(1)' ORDER BY created_at))
endef

.PHONY: model large-model
model: $(VENV)/.installed  ## make model CORPUS=folder: the bundled model again, from loops to card
	$(fetch_corpus)
	$(BIN)/rolecall dataset build bundled-model --workspace $(MODEL_WORKSPACE)
	$(call train_student,bundled-model)
	student=$$($(call ask,SELECT model_id FROM models WHERE name LIKE '%-student-bundled-model')); \
	  cp $(MODEL_WORKSPACE)/models/$$student/card.json $(MODEL_WORKSPACE)/models/$$student/model.safetensors storage/bundled/model/
	$(BIN)/rolecall evaluate default --on $(CORPUS)/tracks

LARGE := s/^name = .*/name = "large-model"/; s/^n_fft = .*/n_fft = 2048/; s/^mels = .*/mels = 128/
large-model: $(VENV)/.installed  ## make large-model CORPUS=folder: twice the bands of longer spectra, for label --model
	$(fetch_corpus)
	sed '$(LARGE)' storage/bundled/recipes/bundled-model.toml > $(MODEL_WORKSPACE)/large-model.toml
	$(BIN)/rolecall dataset build $(MODEL_WORKSPACE)/large-model.toml --workspace $(MODEL_WORKSPACE)
	$(call train_student,large-model)

.PHONY: pictures
TRACKS := storage/bundled/audio/tracks
pictures: $(VENV)/.installed  ## the README's maps
	$(BIN)/rolecall iram $(TRACKS)/jousboxx_buzzer_beater.ogg --bpm 128 --plot deployments/iram.png
	$(BIN)/rolecall iram $(TRACKS)/dirtylove.ogg --bpm 177 --plot deployments/dirtylove.png
	$(BIN)/rolecall iram $(TRACKS)/loop_arrangement.ogg --bpm 128 --plot deployments/arrangement.png

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[dev]"
	touch $@

clean:
	rm -rf $(VENV) .model .mypy_cache .ruff_cache .pytest_cache
