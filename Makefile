# The two commands for a stranger: `make demo` and `make test`. Both set up .venv first and can be run again.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench simulate docs lock clean tools browser emulator test-emulated deploy-emulated destroy-emulated

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECKOV := $(VENV)/checkov/.installed

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(INSTALLED) $(CHECKOV) ## Make the virtual environment .venv with everything in it

$(INSTALLED): requirements.txt requirements-no-deps.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV): about 3 GB, most of it TensorFlow and the AWS CDK; a few minutes the first time"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-no-deps.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(CHECKOV): requirements-checkov.txt | $(INSTALLED)
	$(PYTHON) -m venv $(VENV)/checkov
	$(VENV)/checkov/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-checkov.txt
	@touch $@

demo: $(INSTALLED) ## Serve both examples, send them real samples, print the predictions
	$(BIN)/python scripts/demo.py

test: $(INSTALLED) ## Check types and style, then run every test; with CI set, that of a deployment may not be skipped
	@$(MAKE) --no-print-directory --jobs=2 check $(CHECKOV) $(if $(CI),tools)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --no-loadscope-reorder

check: $(INSTALLED) ## Check types and style only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED) ## Measure start time and memory of a worker, and what a replica adds to a prediction
	$(BIN)/python -m benchmarks

simulate: $(INSTALLED) ## Compare autoscalers again: the tables and pictures of docs/autoscaling.md (AZURE=trace.csv WORLDCUP=trace.csv)
	$(BIN)/python scripts/compare_autoscalers.py $(if $(AZURE),--azure "$(AZURE)") $(if $(WORLDCUP),--worldcup "$(WORLDCUP)")

docs: $(INSTALLED) ## Write what is generated in docs/ again, and build the pages as a site in site/
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/generate_constructs.py
	$(BIN)/python -m scripts.generate_permissions
	$(BIN)/zensical build --clean --strict

lock: ## Pin the newest versions of everything in requirements.txt (needs uv)
	uv pip compile --universal --python-version 3.11 --extra local --extra simulate --group dev --no-header --quiet --upgrade pyproject.toml -o requirements.txt

tools: ## Install what tests of the emulated deployment and of the console need, one after the other (Debian, as root)
	@$(MAKE) --no-print-directory emulator
	@$(MAKE) --no-print-directory browser

emulator: $(INSTALLED) ## Install what an emulated deployment needs (Debian, as root; Node.js must be there)
	$(BIN)/python -m tests.emulator.harness install

browser: ## Install the browser in which the console is tested (Debian, as root)
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

test-emulated: emulator ## Test a deployment with the real CDK command line and real containers, without AWS
	$(BIN)/python -m pytest tests/emulator

deploy-emulated: emulator ## Deploy the iris example on this machine, without AWS, and leave it running; again: what has changed
	$(BIN)/python -m tests.emulator.harness deploy

destroy-emulated: ## Remove it again
	$(BIN)/python -m tests.emulator.harness destroy

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .cache site
