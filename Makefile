# Each target does its own set-up; Python 3.11 or later with pip is all a machine needs.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
WORKERS ?= 2

.PHONY: help setup demo test test-clients test-agents check format upstreams docs bench bench-gateway clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

setup: $(STAMP)  ## the virtual environment with everything in it

$(STAMP): pyproject.toml
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is needed; name another with: make PYTHON=python3.12 …" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --editable '.[all]' --group dev
	@touch $@

demo: $(STAMP)  ## a conversation with every legacy provider, emulated on this machine
	@$(BIN)/dragoman demo

test: $(STAMP)  ## the tests
	@scripts/install-debian.sh nginx-light tinyproxy microsocks || echo "tests that need them are left out" >&2
	$(BIN)/python -m pytest -n $(WORKERS)

test-clients: $(STAMP)  ## clients for node and LiteLLM's SDK as callers of the gateway (npm and PyPI; it installs what it needs)
	@scripts/install-npm.sh tests/npm/package.json build/npm
	@$(BIN)/python -m tests.npm build/npm $(ARGS)
	DRAGOMAN_CLIENTS=1 $(BIN)/python -m pytest tests/litellm

test-agents: $(STAMP)  ## Claude Code, Codex, Gemini CLI and Qwen Code as callers of the gateway (npm; it installs them, 800 MB)
	DRAGOMAN_AGENTS=1 $(BIN)/python -m pytest -n $(WORKERS) tests/agents

check: $(STAMP)  ## what CI runs: format, lint, types, the law of imports, tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(MAKE) test

format: $(STAMP)  ## put the code into shape
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

upstreams: $(STAMP)  ## tests against provider servers that others wrote (npm and PyPI; they install what they need)
	DRAGOMAN_UPSTREAMS=1 $(BIN)/python -m pytest tests/upstreams

docs: $(STAMP)  ## the reference pages that are made from the code and its data
	$(BIN)/python scripts/make-provider-table.py > docs/reference/providers.md
	$(BIN)/python scripts/make-dialect-table.py
	$(BIN)/python scripts/make-config-page.py > docs/reference/dragoman-toml.md

bench: $(STAMP)  ## the speed figures of the README, with machine and date
	$(BIN)/python bench/run.py

bench-gateway: $(STAMP)  ## the gateway's speed against nginx on the same core; ARGS=--quick takes a minute, ARGS=--help tells the rest
	@$(BIN)/python -m bench.gateway $(ARGS)

clean:  ## remove what was made
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist
