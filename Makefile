# Everything a person types. `make demo` and `make test` set up what they need on a fresh machine.
PYTHON ?= $(shell for v in 3.11 3.12 3.13; do command -v python$$v >/dev/null 2>&1 && python$$v -c '' 2>/dev/null && { echo python$$v; break; }; done || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
TORCH := $(VENV)/.torch
TORCH_SPEC ?= torch==2.13.0
TESTS_WITH_TORCH := $(shell $(PYTHON) -c 'import sys; print("$(TORCH)" if sys.version_info[:2] == (3, 11) else "")' 2>/dev/null)
DEV := $(VENV)/.dev

.PHONY: demo test test-fast lint bench escape monkey sdk-alone clean help

help:
	@echo "make demo    set up, then train the embedded model and watch it"
	@echo "make test    set up, then run the tests"
	@echo "make lint    ruff, import-linter, mypy"
	@echo "make bench   the figures of the README, as ratios against peers"
	@echo "make monkey  press random keys in the real program (SECONDS=120, SEED=0)"
	@echo "make escape  try to break out of a panel's worker (CASES=DIR, LAYERS=none for the control)"
	@echo "make sdk-alone   prove that the SDK installs and works alone"

$(STAMP): pyproject.toml sdk/pyproject.toml host/pyproject.toml builtin_panels/pyproject.toml
	@PYTHON="$(PYTHON)" VENV="$(VENV)" sh scripts/make_venv.sh
	@touch $@

# 3.11 has a CPU build of a known size; elsewhere pip may choose a build of several gigabytes, so
# only what trains (`make demo`) asks for it there.
$(TORCH): $(STAMP)
	@echo "installing torch ($(TORCH_SPEC)); the embedded model trains with it"
	@$(BIN)/python -m pip install --quiet "$(TORCH_SPEC)"
	@touch $@

# dev tools come from the `dev` group of pyproject.toml, read here because old pip has no --group.
$(DEV): $(STAMP) $(TESTS_WITH_TORCH)
	@$(BIN)/python -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"]))' > $(VENV)/dev.txt
	@$(BIN)/python -m pip install --quiet -r $(VENV)/dev.txt
	@$(BIN)/python -m pip install --quiet --no-deps -e ./mc_plugin
	@touch $@

demo: $(STAMP) $(TORCH)
	@$(BIN)/nanochat-cli demo

# Two processes: the machines this runs on have two cores.
ARGS ?= -n 2 --dist loadfile

test: $(DEV)
	$(BIN)/python -m pytest $(ARGS)

lint: $(DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy

sdk-alone:
	$(PYTHON) tests/repo/sdk_alone.py

bench: $(DEV)
	$(BIN)/python -m benchmarks

CASES ?= tests/escape/cases
escape: $(DEV)
	$(BIN)/python tests/escape $(CASES) --layers "$(LAYERS)"

SECONDS ?= 120
SEED ?= 0
monkey: $(DEV)
	$(BIN)/python -m scripts.monkey --seconds $(SECONDS) --seed $(SEED)

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
