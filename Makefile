# Sets Clarion up in .venv and runs it from a checkout. Needs Python 3.11 or newer with venv, and make.

VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps
PYTHON ?= $(firstword $(foreach name,python3 python3.13 python3.12 python3.11,\
	$(shell $(name) -c 'import sys, venv; sys.version_info >= (3, 11) and print("$(name)")' 2>/dev/null)))
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo test lint bench clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(STAMPS)/package $(STAMPS)/assets ## Set up .venv with the pinned dependencies and the command .venv/bin/clarion

demo: setup ## Start everything with sample data and a provider simulator (ARGS=--once ends after the summary)
	$(BIN)/clarion demo $(ARGS)

test: lint ## Check the code and run all tests (ARGS are passed to pytest)
	$(BIN)/python -m pytest -n 2 --dist loadfile $(ARGS)

lint: setup $(STAMPS)/dev $(STAMPS)/system ## Check style, types and layers
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: setup $(STAMPS)/bench ## Run the benchmarks named in ARGS (or list them)
	$(BIN)/clarion bench $(ARGS)

clean: ## Remove .venv
	rm -rf $(VENV)

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(STAMPS)/runtime: requirements.lock | $(BIN)/python
	$(PIP) install --require-hashes -r requirements.lock
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/package: pyproject.toml requirements-build.lock $(STAMPS)/runtime
	$(PIP) install --require-hashes -r requirements-build.lock
	$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@touch $@

# Style sheets, scripts and icons of the console. Where Node is missing, a copy of it comes into .venv.
$(STAMPS)/assets: package.json package-lock.json scripts/console_assets.py src/clarion/console/icons.txt $(STAMPS)/runtime
	@command -v npm >/dev/null || $(PIP) install --require-hashes -r requirements-node.lock
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --no-progress --loglevel=error
	$(BIN)/python scripts/console_assets.py
	@touch $@

$(STAMPS)/dev: requirements-dev.lock $(STAMPS)/package
	$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(STAMPS)/bench: requirements-bench.lock $(STAMPS)/package
	$(PIP) install --require-hashes -r requirements-bench.lock
	@touch $@

# Programs of the system that some tests drive: installed where that is possible without asking anybody.
$(STAMPS)/system: $(STAMPS)/runtime
	@./.ci/system-packages
	@touch $@
