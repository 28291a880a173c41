# Two commands on a fresh machine (Python 3.11 to 3.13 and make): `make run` and `make test`.
.DEFAULT_GOAL := help
.PHONY: help setup run run-cloud up down test test-fast test-long lint format bench-memory bench-dashboard types scale looker-doc looking crash-matrix crash-matrix-cloud corruption alert-matrix alert-storm mail-picture lock clean
SHELL := /bin/sh

UV_VERSION := 0.13.8
VENV := .venv
BIN := $(VENV)/bin
DAY ?=
# The first interpreter that is new enough.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null && echo $$p && break; done)

# Nothing here reports home.
export DO_NOT_TRACK := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false

# Otherwise every process of Airflow and of dbt compiles each of some two thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE

help:  ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.ready  ## Install everything into .venv

$(VENV)/.ready: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11, 3.12 or 3.13 found"; \
		echo "  remedy: install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)"; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { echo "error: $(PYTHON) cannot make a virtual environment"; \
		echo "  remedy: install its venv module (on Debian and Ubuntu: apt-get install python3-venv)"; exit 2; }
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip sync --quiet --require-hashes requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $@

run: setup  ## The main job: servers up, one day through the five DAGs, a report (DAY=2025-01-01 chooses the day)
	@$(BIN)/tillroll up
	@$(BIN)/tillroll chain $(if $(DAY),--day $(DAY))

run-cloud: setup  ## The main job against an emulated Google Cloud, which is stopped at the end, as the servers are
	@$(BIN)/python -m emulators --data data/cloud -- /bin/sh -c 'trap "exit 130" INT; trap "exit 143" TERM; \
		trap "$(BIN)/tillroll down" EXIT; \
		$(BIN)/tillroll up && $(BIN)/tillroll chain $(if $(DAY),--day $(DAY)) && $(BIN)/tillroll audit'

up: setup  ## Start the servers: PostgreSQL, Airflow, the mail inbox, the dashboard
	@$(BIN)/tillroll up

down:  ## Stop the servers
	@test ! -x $(BIN)/tillroll || $(BIN)/tillroll down

# Files in order, not the ones with most tests first: the longest files have few tests, and would be left for one core.
PYTEST := $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

test: setup  ## Every test but the longest
	@$(PYTEST) -m "not long"

test-long: setup  ## The longest: a day through Airflow in the cloud, a year behind it, more ways to fail
	@$(PYTEST) -m long

test-fast: setup  ## The inner loop: under a minute
	@$(PYTEST) -m "not slow and not long"

lint: setup  ## Style, types and SQL
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 dbt/models

format: setup  ## Bring the code into its style
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

scale: setup  ## What a day's proof costs after thirty days and after three years, into docs/reliability.md
	@$(BIN)/python -m benchmarks.scale

bench-memory: setup  ## Peak memory of a sync as rows grow
	@$(BIN)/python benchmarks/memory.py

bench-dashboard: setup  ## How fast pages are and what memory they take at ten million order lines, into docs/dashboard.md
	@$(BIN)/python -m benchmarks.dashboard_volume

crash-matrix: setup  ## Runs killed and disturbed at every step on a laptop (SEEDS=200 schedules, from FIRST=1 on)
	@$(BIN)/python tests/crash/matrix.py --write --seeds $(or $(SEEDS),200) --first $(or $(FIRST),1)

crash-matrix-cloud: setup  ## Runs killed and disturbed in the emulated cloud (SEEDS=100 schedules, CHAINS=3 with dbt)
	@PYTHONPATH=.:tests:tests/crash $(BIN)/python tests/crash/cloud_matrix.py \
		--seeds $(or $(SEEDS),100) --chains $(or $(CHAINS),0) --first $(or $(FIRST),0)

types: setup  ## Put every type at its edges through both warehouses, and write what came of each value
	@$(BIN)/python -m benchmarks.every_edge

corruption: setup  ## Plant faults between COPY and publish, and write how many are caught (PLANTS=1000 SEED=1)
	@$(BIN)/python -m benchmarks.corruption --plants $(or $(PLANTS),1000) --seed $(or $(SEED),1)

looker-doc: setup  ## What to draw in Looker Studio and what looking costs, into docs/looker-studio.md
	@$(BIN)/python -m benchmarks.looker_doc

looking: setup  ## What one load of each page of the dashboard costs in BigQuery, for what is published
	@$(BIN)/python -m dashboard.cost_of_looking

screenshots: setup  ## Pictures of every page of the running dashboard, by a real browser (chromium), into docs/pictures
	@$(BIN)/python -m benchmarks.dashboard_pictures

alert-matrix: setup  ## Provoke failures of every class, and write how each was heard of (REFUSED_FOR=600)
	@$(BIN)/python -m benchmarks.alerts.matrix --refused-for $(or $(REFUSED_FOR),600)

alert-storm: setup  ## A thousand failures in a minute: what people get, and what it costs the sentinel
	@$(BIN)/python -m benchmarks.alerts.storm --write

mail-picture: setup  ## The picture of a failure mail in docs/alerts.md, by a real browser (chromium)
	@$(BIN)/python -m benchmarks.alerts.pictures

lock: setup  ## Resolve requirements.lock anew from pyproject.toml
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-emit-index-url --no-header --quiet -o requirements.lock

clean: down  ## Remove everything local: servers' state, lake, warehouse, environment
	@rm -rf $(VENV) data/* dbt/target dbt/logs
