SHELL := /bin/bash
.DEFAULT_GOAL := help
python := .venv/bin/python
ready := .venv/.ready
sources := $(wildcard libs services tools tests)
pytest := $(python) -m pytest

.PHONY: setup run test lint type unit integration bench proto new-trigger servers clean lock help

setup: $(ready) ## Make .venv with everything in it, .venv/bin/sluice too

$(ready): pyproject.toml uv.lock tools/setup.sh
	tools/setup.sh
	@touch $@

run: setup ## Show events going to a function (KAFKA=host:port TOPIC=name adds records of a topic)
	$(python) tools/run.py

test: setup servers lint type ## Everything that must pass
	$(pytest) tests

lint: setup ## Style of the code and of the wire
	.venv/bin/ruff check $(sources)
	.venv/bin/ruff format --check $(sources)
	$(python) tools/proto.py lint

type: setup ## Types, strictly
	.venv/bin/mypy $(sources)

unit: setup ## Tests that need no server
	$(pytest) -m 'not server' tests --ignore tests/integration --ignore tests/e2e

integration: setup servers ## Tests on real servers and whole processes
	$(pytest) $(wildcard tests/integration tests/e2e)

bench: setup servers ## Measure, print a table, write bench-out/
	$(python) tools/bench.py

proto: setup ## Generate libs/sluice/v1 from proto/, and the pages that the code knows: compatibility, conformance
	$(python) tools/proto.py generate
	$(python) tools/compatibility.py
	$(python) -m tools.conformance

new-trigger: setup ## Lay out a new kind: make new-trigger NAME=redis
	$(python) tools/new_trigger.py "$(NAME)"

servers: ## Fetch the real servers that tests and benches start
	tools/servers/install.sh

lock: setup ## Resolve pyproject.toml into uv.lock (ARGS=--upgrade moves versions)
	$(python) tools/lock.py $(ARGS)

clean: ## Remove everything that was made here, .venv too
	rm -rf .venv .cache .sluice bench-out dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find libs services tools tests -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@sed -n 's/^\([a-z-]*\):.* ## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  %-12s %s\n' "$$name" "$$text"; done
