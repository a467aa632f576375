# Two commands for a newcomer: `make demo` and `make test`. Everything they need is installed into .venv from the locks.
PYTHON ?= python3
VENV ?= .venv
# Arguments for pytest: make test PYTEST='-m "not processes"'
PYTEST ?=
# Arguments for the measurements: make bench BENCH='--only door --rounds 5'
BENCH ?=
BIN := $(VENV)/bin
LOCKS := requirements/base.txt requirements/embedded.txt requirements/dev.txt
UV_COMPILE = $(BIN)/uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-header --quiet

.DEFAULT_GOAL := help
.PHONY: help install install-dev demo up programs test screenshots bench lint format lock clean

help:  ## this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# pip reads its own settings for indexes; the locks name none. `--no-deps` because the locks are complete.
define pip_install
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes $(foreach lock,$(1),-r $(lock))
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
endef

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + "; try: make PYTHON=python3.13 ...") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { echo "the venv module is missing: on Debian or Ubuntu, apt install python3-venv"; exit 1; }

# Stamps make a second run quick: nothing is installed again until a lock changes.
$(VENV)/.installed: pyproject.toml requirements/base.txt requirements/embedded.txt | $(BIN)/python
	@echo "installing into $(VENV) ..."
	$(call pip_install,requirements/base.txt requirements/embedded.txt)
	@touch $@

$(VENV)/.installed-dev: pyproject.toml $(LOCKS) | $(BIN)/python
	@echo "installing into $(VENV), with the tools for tests ..."
	$(call pip_install,$(LOCKS))
	@touch $@ $(VENV)/.installed

install: $(VENV)/.installed  ## the program and its embedded servers, into .venv
install-dev: $(VENV)/.installed-dev  ## the same with the tools for tests

demo: $(VENV)/.installed  ## the whole system on this machine, driven with real traffic, ending in a ledger
	@$(BIN)/reconciler demo

up: $(VENV)/.installed  ## the whole system on this machine, until Ctrl-C
	@$(BIN)/reconciler up

programs:  ## a browser and promtool for the tests, into .programs, where the machine has none
	@$(PYTHON) -m tests.programs

test: $(VENV)/.installed-dev programs  ## every test, on servers the tests start themselves
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(PYTEST)

screenshots: $(VENV)/.installed-dev programs  ## the pictures of docs/console.md, taken anew
	$(BIN)/python -m tests.screenshots

bench: $(VENV)/.installed-dev  ## every measurement, against a plain design, written to docs/benchmarks.md; half an hour
	$(BIN)/python -m bench $(BENCH)

lint: $(VENV)/.installed-dev  ## ruff, mypy, import-linter, migrations against tables, compose file
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.lint_migrations
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

format: $(VENV)/.installed-dev  ## let ruff put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lock: $(VENV)/.installed-dev  ## resolve the dependencies anew and pin them with hashes
	$(UV_COMPILE) --upgrade --group build -o requirements/base.txt
	$(UV_COMPILE) --upgrade --extra embedded -c requirements/base.txt -o requirements/embedded.txt
	$(UV_COMPILE) --upgrade --group dev -c requirements/base.txt -o requirements/dev.txt

clean:  ## remove .venv and caches; data of `reconciler up` stays
	rm -rf $(VENV) .venv-3.* .programs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info
