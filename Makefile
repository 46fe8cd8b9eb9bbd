# The index of what one can do here. `make` alone lists it; CI calls the same targets.
.DEFAULT_GOAL := help
.PHONY: help setup run test test-examples test-faults test-operations test-deploy test-unit image sbom audit lint format generate fuzz mutants chaos types lock browser \
	screenshots jars bench clean
SHELL := /bin/sh

PY := .venv/bin/python
STAMP := .venv/.installed
AUDIT := .local/audit
T ?= tests
# Much of a test is waiting for processes to start: more workers than cores.
WORKERS ?= 3
# What takes long, or needs more than Python: each has a target of its own.
ELSEWHERE = -m 'not faults' --ignore=tests/chaos --ignore=tests/deploy --ignore=tests/examples \
	--ignore=tests/operations
IN_PARALLEL = --numprocesses=$(WORKERS) --dist=loadfile --no-loadscope-reorder
VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
IMAGE ?= rollcall:$(VERSION)
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

test: setup browser jars ## all tests but those of the targets below, or T=path; WORKERS=0 for one by one
	@$(PY) -m pytest $(IN_PARALLEL) $(if $(filter $(T),tests),$(ELSEWHERE)) "$(T)"

test-examples: setup jars ## downstream apps in Python and Node, and in Java and Go where those are
	@$(PY) -m pytest $(IN_PARALLEL) tests/examples

test-faults: setup jars ## processes, brokers and networks fail, mistakes are planted: 7 minutes more
	@$(PY) -m pytest $(IN_PARALLEL) -m faults tests/chaos tests/e2e tests/integration

test-operations: setup jars ## what operators do with servers of other kinds; Postgres with TLS: Debian's, or PG_BIN
	@$(PY) -m pytest $(IN_PARALLEL) tests/operations

test-deploy: setup ## image, compose and cluster as operators run them; needs a Docker engine and kubectl
	@$(PY) -m pytest --timeout=1500 $(if $(filter $(T),tests),tests/deploy,"$(T)")

image: ## the image of all services and the command line: rollcall:VERSION
	docker build --file deploy/Dockerfile --tag $(IMAGE) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION="$$(git rev-parse HEAD)" .

sbom: ## what that image is made of, as CycloneDX: dist/rollcall-VERSION.cdx.json
	@mkdir -p dist
	docker run --rm --entrypoint cat $(IMAGE) /opt/rollcall/sbom.cdx.json >dist/rollcall-$(VERSION).cdx.json

audit: $(AUDIT) ## known vulnerabilities of what runs; asks PyPI's database, and fails where it does not answer
	@$(AUDIT)/bin/pip-audit --strict --disable-pip --require-hashes --requirement requirements/runtime.txt

$(AUDIT): requirements/audit.txt
	@python="$$($(FIND_PYTHON))"; "$$python" -m venv --clear $@
	@$@/bin/pip install --disable-pip-version-check --quiet --require-hashes --requirement $<
	@touch $@

test-unit: setup ## the pure core, in seconds
	@$(PY) -m pytest tests/unit tests/contract/test_events.py

fuzz: setup jars ## requests nobody wrote, first to SCIM, then to each API: SEED=… MINUTES=… or REPLAY=…
	@SEED='$(SEED)' MINUTES='$(MINUTES)' REPLAY="$$REPLAY" \
	  $(PY) -m pytest --quiet --capture=no tests/integration/ingest/fuzzing/long.py \
	  tests/integration/http/long.py

mutants: setup jars ## plant faults, one at a time; the tests must notice each (ONLY=word for some)
	@ONLY='$(ONLY)' $(PY) -m tests.mutants

chaos: setup jars ## the fault matrix: SEED=… FAULTS=1,5,kafka MINUTES=… FULL=1 RECORD=1
	@SEED='$(SEED)' FAULTS='$(FAULTS)' MINUTES='$(MINUTES)' FULL='$(FULL)' RECORD='$(RECORD)' \
	  $(PY) -m tests.chaos

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

generate: setup ## refresh what is made from code in docs/reference: scim-conformance.md, events/, …
	@$(PY) -m tests.integration.ingest.rfc.coverage
	@$(PY) -m tests.contract.published
	@$(PY) -m tests.contract.http
	@$(PY) -m tests.contract.metrics
	@$(PY) -m tests.contract.dashboard
	@$(PY) -m tests.contract.operator_rules

screenshots: setup browser jars ## photograph every screen of the portal; a few are shown in docs/portal
	@$(PY) -m tests.support.screenshots

types: setup ## mypy alone
	@$(PY) -m mypy

bench: setup jars ## ingest beside a peer, large and loud directories, consumers' rates, an outage of Kafka, latency
	@$(PY) -m benchmarks.against_peer
	@$(PY) -m benchmarks.directory_size
	@$(PY) -m benchmarks.noisy_neighbour
	@$(PY) -m benchmarks.projector_rate
	@$(PY) -m benchmarks.roles_rate
	@$(PY) -m benchmarks.large_change
	@$(PY) -m benchmarks.backlog
	@$(PY) -m benchmarks.latency
	@$(PY) -m benchmarks.portal_lists
	@$(PY) -m benchmarks.footprint

lock: setup ## refresh requirements/*.txt (needs uv) and Kafka's jars
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  pyproject.toml -o requirements/runtime.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  requirements/bench.in -o requirements/bench.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  -c requirements/dev.txt requirements/build.in -o requirements/build.txt
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --upgrade \
	  requirements/audit.in -o requirements/audit.txt
	$(PY) -m deploy.local.jars lock

clean: ## remove what was made here: .venv, .local, caches
	rm -rf .venv .local .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
