# Everything a person types. `make demo` and `make test` set up what they need on a fresh machine.
PYTHON ?= $(shell for v in 3.11 3.12 3.13; do command -v python$$v >/dev/null 2>&1 && python$$v -c '' 2>/dev/null && { echo python$$v; break; }; done || echo python3)
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# Torch's CPU build; set to `no` to leave it out (3.12 and 3.13 run everything that needs no torch).
TORCH ?= $(shell $(PYTHON) -c 'import sys; print("yes" if sys.version_info[:2] == (3, 11) else "no")' 2>/dev/null)
DEV := $(VENV)/.dev

.PHONY: demo test test-fast lint bench sdk-alone clean help

help:
	@echo "make demo    set up, then train the embedded model and watch it"
	@echo "make test    set up, then run the tests"
	@echo "make lint    ruff, import-linter, mypy"
	@echo "make bench   the figures of the README, as ratios against peers"
	@echo "make sdk-alone   prove that the SDK installs and works alone"

$(STAMP): pyproject.toml sdk/pyproject.toml host/pyproject.toml builtin_panels/pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 or newer is needed: apt-get install python3 python3-venv"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is `$(PYTHON) --version`. Try make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: apt-get install python3-venv"; exit 1; }
	@echo "installing into $(VENV) (the first time takes a minute or two)"
	@$(BIN)/python -m pip install --quiet -e ./sdk -e ./host -e ./builtin_panels -e .
	@if [ "$(TORCH)" = yes ]; then $(BIN)/python -m pip install --quiet torch==2.13.0; fi
	@touch $@

# dev tools come from the `dev` group of pyproject.toml, read here because old pip has no --group.
$(DEV): $(STAMP)
	@$(BIN)/python -c 'import tomllib; print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["dev"]))' > $(VENV)/dev.txt
	@$(BIN)/python -m pip install --quiet -r $(VENV)/dev.txt
	@touch $@

demo: $(STAMP)
	@$(BIN)/nanochat-cli demo

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

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache
