# `make` alone lists the commands. Every command sets up what it needs in .venv first.
.DEFAULT_GOAL := help
SHELL := /bin/bash
BIN := .venv/bin
PIN := --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: ## Make .venv with the server, the agent and the command line (.venv/bin/melanzana)
	@scripts/setup run

.PHONY: setup-dev
setup-dev:
	@scripts/setup dev

.PHONY: demo
demo: setup-dev ## Run the example against a real WebDAV server, end to end, and leave nothing behind
	@$(BIN)/python scripts/demo.py

.PHONY: demo-web
demo-web: setup-dev ## Run the web shop's model in Chromium, end to end, with a picture before each step
	@$(BIN)/python scripts/demo.py --example webshop

.PHONY: dev
dev: setup-dev ## Keep a server up on port 8000 with the example loaded
	@$(BIN)/python scripts/demo.py --keep

.PHONY: check
check: setup-dev ## The fast part: format, lint, types, import contracts, fast tests
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n 2 -m "not slow"

.PHONY: test
test: setup-dev ## Everything that continuous integration runs
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/pytest -q -n 2

.PHONY: format
format: setup-dev ## Rewrite the sources in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

.PHONY: bench
bench: setup-dev ## Measure starts/s, step events/s and grants/s on this machine
	@for each in benchmarks/*.py; do echo "== $$each"; $(BIN)/python $$each || exit 1; done

.PHONY: soak
soak: setup-dev ## Load a server for 25 minutes an engine while everything around it fails, and judge what it answered
	@$(BIN)/python benchmarks/soak

.PHONY: lock
lock: setup-dev ## Pin the newest allowed versions, with hashes and without download addresses
	@$(BIN)/uv pip compile $(PIN) --upgrade pyproject.toml -o requirements/run.txt
	@$(BIN)/uv pip compile $(PIN) pyproject.toml --group dev -c requirements/run.txt -o requirements/dev.txt
	@$(BIN)/uv pip compile $(PIN) --upgrade requirements/build.in -o requirements/build.txt

.PHONY: clean
clean: ## Remove the virtual environment and every cache
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist
