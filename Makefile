# The index of what one can do here. `make` alone lists it; CI calls the same targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-unit lint format types lock browser jars clean
SHELL := /bin/sh

PY := .venv/bin/python
STAMP := .venv/.installed
T ?= tests
# The first Python that is new enough.
FIND_PYTHON := for p in "$$PYTHON" python3 python3.14 python3.13 python3.12 python3.11; do \
	  [ -n "$$p" ] && command -v "$$p" >/dev/null 2>&1 && \
	  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' && { command -v "$$p"; break; }; done
# A clone that was moved or copied brings a .venv along that points to where it was.
VENV_IS_OURS := $(PY) -c 'import pip' 2>/dev/null && grep -qF '$(CURDIR)/.venv' .venv/pyvenv.cfg
ifneq ($(shell $(VENV_IS_OURS) && echo yes),yes)
.PHONY: $(STAMP)
endif

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 20

setup: $(STAMP) ## make .venv with everything pinned

$(STAMP): requirements/dev.txt pyproject.toml
	@$(VENV_IS_OURS) || { \
	  python="$$($(FIND_PYTHON))"; \
	  [ -n "$$python" ] || { echo "Python 3.11 or newer is needed; set PYTHON to one." >&2; exit 1; }; \
	  "$$python" -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo "$$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2; \
	    exit 1; }; \
	  echo "making .venv with $$python"; "$$python" -m venv --clear .venv; }
	@echo "installing what requirements/dev.txt pins (about 200 MiB the first time)"
	@$(PY) -m deploy.local.install requirements/dev.txt
	@$(PY) -m pip install --disable-pip-version-check --quiet \
	  --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: setup ## the whole system on this machine; Ctrl-C stops it
	@exec $(PY) -P -m cli local up

test: setup browser jars ## all tests, or T=path
	@$(PY) -m pytest "$(T)"

test-unit: setup ## the pure core, in seconds
	@$(PY) -m pytest tests/unit tests/contract/test_events.py

browser: setup ## find a Chromium, or install one
	@$(PY) -m tests.support.browser

jars: setup ## fetch Kafka's jars, so that no test waits for them
	@$(PY) -m deploy.local.jars fetch .local/cache/jars

lint: setup ## style, types, the walls between rooms
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports

format: setup ## format the code
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

types: setup ## mypy alone
	@$(PY) -m mypy

lock: setup ## refresh requirements/*.txt (needs uv) and Kafka's jars
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  pyproject.toml -o requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	$(PY) -m deploy.local.jars lock

clean: ## remove what was made here: .venv, .local, caches
	rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
