# The two commands are `make run` and `make test`; `make help` lists all. The targets are the steps
# that continuous integration runs, verbatim.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
PROCESSES ?= 2

# DVC starts the stages with the `python` that it finds first. The environment itself must not be
# made by the `python3` that lies in it.
OUTER_PATH := $(subst $(CURDIR)/.venv/bin:,,$(PATH))
export PATH := $(CURDIR)/.venv/bin:$(OUTER_PATH)
export PYTHONPATH :=
unexport VIRTUAL_ENV

# Threads that wait for each other sleep: busy waiting costs minutes where other processes run.
export OMP_WAIT_POLICY := passive

# No tool reports to its makers.
export DO_NOT_TRACK := true
export DVC_NO_ANALYTICS := true
export BENTOML_DO_NOT_TRACK := true
export GX_ANALYTICS_ENABLED := False
export MLFLOW_DISABLE_TELEMETRY := true
export PIP_DISABLE_PIP_VERSION_CHECK := 1

ENVIRONMENT := .venv/.installed
DATA := .dvc/tmp/data.pulled

.PHONY: help run test format lint types rooms tests ui dashboard graph lock data environment always
always:

help: ## Show what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

## The learning loop ---------------------------------------------------------------------------

run: $(ENVIRONMENT) $(DATA) ## Train, choose, set the threshold, gather evidence, register a challenger
	dvc repro
	@aisle summary

ui: $(ENVIRONMENT) ## Show runs and model versions in MLflow (PORT=5000 fixes the port)
	@python -m pipelines.ui $(if $(PORT),--port $(PORT))

dashboard: $(ENVIRONMENT) ## Show what monitoring found, day by day (PORT=8001 fixes the port)
	@python -m monitoring.dashboard $(if $(PORT),--port $(PORT))

graph: $(ENVIRONMENT) ## Draw docs/graph.svg again from dvc.yaml
	python docs/draw_graph.py

## What a change must pass ----------------------------------------------------------------------

test: format lint types rooms tests ## Format, lint, strict types, imports between rooms, tests

format: $(ENVIRONMENT)
	ruff format --check .

lint: $(ENVIRONMENT)
	ruff check .

types: $(ENVIRONMENT)
	mypy

rooms: $(ENVIRONMENT)
	lint-imports --no-cache --no-logo

tests: $(ENVIRONMENT)
	pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder --durations 5 $(OPTIONS)

## The environment ------------------------------------------------------------------------------

environment: $(ENVIRONMENT) ## Make .venv from the locks (a second time costs nothing)

# The stamp is written last and taken away first, so an installation that was interrupted starts
# afresh. An environment that was complete is brought up to date in place.
$(ENVIRONMENT): requirements.lock requirements.bootstrap.lock pyproject.toml
	@PATH='$(OUTER_PATH)'; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
	  version=$$($(PYTHON) --version 2>/dev/null || echo 'not there'); \
	  echo "make: Aisle needs Python 3.11, and $(PYTHON) is $$version; name another one," \
	       "as in: make $(or $(firstword $(MAKECMDGOALS)),run) PYTHON=python3.11" >&2; exit 2; }; \
	if [ -e $@ ]; then rm $@; else $(PYTHON) -m venv --clear .venv; fi
	@[ -x .venv/bin/uv ] || .venv/bin/python -m pip install --quiet --require-hashes -r requirements.bootstrap.lock
	.venv/bin/uv pip sync --quiet --python .venv/bin/python --require-hashes requirements.lock
	.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation --editable .
	@touch $@

data: $(DATA) ## Get the data that data.dvc names

# Changes of your own in data/ are left alone: only a new data.dvc, or no data at all, is a reason to pull.
$(DATA): data.dvc $(if $(wildcard data/taxonomy.csv),,always) | $(ENVIRONMENT)
	dvc pull --quiet data.dvc
	@mkdir -p $(@D) && touch $@

lock: $(ENVIRONMENT) ## Resolve the requirements again (OPTIONS=--upgrade moves all pins)
	uv pip compile pyproject.toml --extra dev $(LOCKING) $(OPTIONS) --output-file requirements.lock
	printf 'uv\n' | uv pip compile - $(LOCKING) --constraint requirements.lock --output-file requirements.bootstrap.lock
	uv pip compile service/requirements.in $(LOCKING) --constraint requirements.lock --output-file service/requirements.lock

LOCKING := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-annotate --no-header
