# The two commands for a stranger: `make demo` and `make test`. Both set up .venv first and can be run again.
.DEFAULT_GOAL := help
.PHONY: help setup demo test check bench bench-tools bench-page soak simulate docs lock lock-rivals audit fuzz clean tools browser emulator test-emulated deploy-emulated destroy-emulated

PYTHON ?= python3
JOBS ?= 3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
CHECKOV := $(VENV)/checkov/.installed
EXAMPLES ?= 20000
IS_NEW_ENOUGH = $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": make PYTHON=python3.12 ...")'
# Of 22,000 modules few are ever imported: each is compiled then, which is kept.
INSTALL := python -m pip install --quiet --disable-pip-version-check --no-compile
IMAGES := runtime/cortex_runtime/docker
LOCK_IMAGE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --quiet --upgrade

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: ## Make the virtual environment .venv with everything in it
	@$(MAKE) --no-print-directory --jobs=2 $(INSTALLED) $(CHECKOV)

$(INSTALLED): requirements.txt requirements-no-deps.txt pyproject.toml
	@$(IS_NEW_ENOUGH)
	@echo "Setting up $(VENV): about 3 GB, most of it TensorFlow and the AWS CDK; a few minutes the first time"
	@mkdir -p $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/$(INSTALL) -r requirements.txt
	$(BIN)/$(INSTALL) --no-deps -r requirements-no-deps.txt
	$(BIN)/$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(CHECKOV): requirements-checkov.txt
	@$(IS_NEW_ENOUGH)
	@mkdir -p $(VENV)
	$(PYTHON) -m venv $(VENV)/checkov
	$(VENV)/checkov/bin/$(INSTALL) -r requirements-checkov.txt
	@touch $@

demo: $(INSTALLED) ## Serve both examples, send them real samples, print the predictions
	$(BIN)/python scripts/demo.py

test: ## Check types and style, then run every test; with CI set, that of a deployment may not be skipped
	@$(MAKE) --no-print-directory --jobs=3 check $(CHECKOV) $(if $(CI),tools)
	$(BIN)/python -m pytest --numprocesses $(JOBS) --no-loadscope-reorder

check: $(INSTALLED) ## Check types and style only
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED) ## Measure beside other servers and the goals, about 40 minutes; or only PARTS="small large" (needs bench-tools)
	$(BIN)/python -m benchmarks $(PARTS)

bench-tools: ## Install the load generators of the benchmarks (Debian, as root)
	@{ command -v wrk && command -v h2load; } >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends wrk nghttp2-client; }

bench-page: $(INSTALLED) ## Write the figures of the last `make bench` into docs/performance.md and its pictures
	$(BIN)/python -m benchmarks.report

soak: $(INSTALLED) ## 30 minutes of mixed traffic with faults and restarts: nothing may grow or get lost (MINUTES=30 OUT=.cache/soak)
	$(BIN)/python -m tests.soak $(if $(MINUTES),--minutes "$(MINUTES)") $(if $(OUT),--out "$(OUT)")

simulate: $(INSTALLED) ## Compare autoscalers again: the tables and pictures of docs/autoscaling.md (AZURE=trace.csv WORLDCUP=trace.csv)
	$(BIN)/python scripts/compare_autoscalers.py $(if $(AZURE),--azure "$(AZURE)") $(if $(WORLDCUP),--worldcup "$(WORLDCUP)")

docs: $(INSTALLED) ## Write what is generated in docs/ again, and build the pages as a site in site/
	$(BIN)/python scripts/generate_reference.py
	$(BIN)/python scripts/generate_constructs.py
	$(BIN)/python -m scripts.generate_permissions
	$(BIN)/zensical build --clean --strict

lock: ## Pin the newest versions of everything in requirements.txt and of what the images install (needs uv)
	uv pip compile --universal --python-version 3.11 --extra local --extra simulate --group dev --generate-hashes --no-header --quiet --upgrade pyproject.toml -o requirements.txt
	$(LOCK_IMAGE) --no-deps requirements-no-deps.in -o requirements-no-deps.txt
	$(LOCK_IMAGE) requirements-checkov.in -o requirements-checkov.txt
	$(LOCK_IMAGE) $(IMAGES)/runtime.in -c requirements.txt -o $(IMAGES)/runtime.txt
	$(LOCK_IMAGE) $(IMAGES)/downloader.in -c requirements.txt -o $(IMAGES)/downloader.txt
	$(LOCK_IMAGE) $(IMAGES)/full.in -c requirements.txt -c $(IMAGES)/runtime.txt -o $(IMAGES)/full.txt

audit: ## Look up known vulnerabilities of all pinned packages (needs uv and the network)
	@for file in requirements*.txt $(IMAGES)/*.txt; do echo "$$file:"; uvx pip-audit --strict --disable-pip --no-deps --requirement $$file || failed=1; done; test -z "$$failed"

fuzz: $(INSTALLED) ## Look long for input that breaks something (EXAMPLES=20000 of each kind)
	FUZZ_EXAMPLES=$(EXAMPLES) $(BIN)/python -m pytest tests/fuzz --hypothesis-profile=fuzz --timeout=0

lock-rivals: ## Pin the newest versions of everything that the benchmarks compare with (needs uv)
	for rival in benchmarks/rivals/*/requirements.in; do uv pip compile --python-version 3.11 --no-header --no-annotate --no-emit-package tensorflow --quiet --upgrade $$rival -o $${rival%.in}.txt; done

tools: $(INSTALLED) browser ## Install what tests of the emulated deployment and of the console need (Debian, as root)
	@$(MAKE) --no-print-directory emulator

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
