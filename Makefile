# The commands of this repository. `make run` and `make test` are the two that matter;
# both need only git, make and python3 (3.11 or later).
#
#   make run                    install, then start the whole product (Ctrl-C stops it)
#   make run ARGS=--no-demo     without the demo rules; `make run ARGS=--help` tells the rest
#   make test                   everything that takes no seconds by itself (minutes in all)
#   make test-all               whole systems, browsers and the rest too: what .ci/run does
#   make test-long              soaks and long fuzzers: once before an issue that touches what they
#                               are about is resolved, with their figures in its note
#   make lint                   what a change must satisfy besides the tests
#   make bench [NAME=store]     measure (all, or one of benchmarks/); writes benchmarks/results/NAME.json
#   make install                only make .venv with the pinned set
#   make lock                   resolve requirements.lock again, keeping its pins

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help install run test test-all test-browser test-slow test-long lint format bench lock clean browser

# Images for containers often forbid Python to keep what it compiles: every process that is started
# would then compile Prefect anew, a second and a half of processor time each.
export PYTHONDONTWRITEBYTECODE :=

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=
NAME ?=
# One process more than cores, since tests wait for servers and browsers. Each has a PostgreSQL, a
# Prefect server and a dashboard of its own, started by the first test that needs it.
WORKERS ?= $(shell echo $$(($$(nproc 2>/dev/null || sysctl -n hw.ncpu) + 1)))
PYTEST := $(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup --no-loadscope-reorder

help: ## this list
	@sed -n 's/^#   //p' Makefile

install: $(VENV)/.installed ## the pinned set in .venv; nothing to do when nothing changed

# The stamp is written last, so that an install which broke off is done again.
$(VENV)/.installed: requirements.lock pyproject.toml .ci/install
	@PYTHON="$(PYTHON)" VENV="$(VENV)" .ci/install
	@touch $@

run: install ## the whole product on this machine
	@exec $(BIN)/sentinel up $(ARGS)

browser: install
	@VENV="$(VENV)" .ci/browser

test: install browser ## all but the whole-system tests
	$(PYTEST) -m "not slow and not long" $(ARGS)

test-browser: install browser
	$(PYTEST) -m "slow and browser" $(ARGS)

test-slow: install browser
	$(PYTEST) -m "slow and not browser and not long" $(ARGS)

test-all: install browser ## the whole-system tests too, but for the long ones
	$(PYTEST) -m "not long" $(ARGS)

test-long: install browser ## soaks and long fuzzers
	$(PYTEST) -m long $(ARGS)

lint: install ## ruff, pyright strict, the import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: install ## NAME is a file of benchmarks/
	$(BIN)/python -m benchmarks $(NAME)

# An existing requirements.lock is the preference, so only what must change does. No index is
# written into it: where packages come from is the business of the machine that installs them.
lock: install
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--python-version 3.11 --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra telemetry --extra grpc --extra vault --extra cluster --extra s3 --extra learned \
		--extra container --constraints requirements.lock --universal --generate-hashes \
		--no-emit-index-url --no-emit-find-links --no-annotate --no-header \
		--python-version 3.11 --output-file deployments/container/requirements.txt

clean: ## all that was made here, but never the data under .sentinel
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
