# Every command of developers, operators and CI. Each target installs what it needs into .venv.
PYTHON ?= python3
BIN := .venv/bin
UV := uv==0.13.9
SCHEDULE ?=
SPEEDUP ?=
DO ?= account list
CASES ?= 10000
SEED ?=
OBSERVATIONS ?= 100
LISTENER ?= 50
OTHERS ?= 20
RUNS ?= 50000
STEPS ?= 20000
MINUTES ?= 10
SECRETS ?=
MODULE ?=
STACK ?=
BACKUPS ?= .atdb-backups
KEEP ?=
FROM ?=
COMPOSE ?= $(shell docker compose version > /dev/null 2>&1 && echo docker compose || echo docker-compose)

.DEFAULT_GOAL := help
.PHONY: backup backups restore secrets rotate-secrets images test-compose test-upgrade help install demo rehearsal up down status doctor admin test fuzz property property-faults mutate bench-archive bench-browsers bench-listen bench-maintenance bench-urgent screenshots kills clears clocks docs check format lock clean browser

help: ## Show this list of targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-17s %s\n", $$1, $$2}'

demo: .venv/run ## Replay a schedule from specification to removal, then exit (SCHEDULE=file SPEEDUP=n)
	@$(BIN)/python -m standalone demo $(if $(SPEEDUP),--speedup $(SPEEDUP)) $(if $(SCHEDULE),'$(SCHEDULE)')

rehearsal: .venv/run ## Run a separate stack with all faults, and check the result (OBSERVATIONS=n SEED=n SCHEDULE=file)
	@$(BIN)/python -m standalone rehearsal --observations $(OBSERVATIONS) $(if $(SEED),--seed $(SEED)) $(if $(SCHEDULE),'$(SCHEDULE)')

up: .venv/run ## Run ATDB, Airflow and the telescope simulator until Ctrl-C
	@$(BIN)/python -m standalone up

down: .venv/run ## Stop all services that `make up` started
	@$(BIN)/python -m standalone down

status: .venv/run ## Show what runs, and whether it is healthy
	@$(BIN)/python -m standalone status

doctor: .venv/run ## Check everything that the running stack needs, and report how to fix each failure
	@$(BIN)/atdb doctor || test $$? = 3

admin: .venv/run ## Manage accounts and tokens (DO='account set NAME --role viewer'; STACK=containers for the containers)
	@$(if $(filter containers,$(STACK)),$(COMPOSE) exec atdb python,$(BIN)/python) -m standalone.admin $(DO)

test: .venv/dev browser ## Run all tests, with a real PostgreSQL, Airflow and telescope simulator
	$(BIN)/pytest -n 2

fuzz: .venv/dev ## Send 10,000 random requests, as all roles, and check the answers (CASES=n SEED=n)
	ATDB_FUZZ_CASES=$(CASES) ATDB_FUZZ_SEED=$(SEED) ATDB_FUZZ_QUERIES=2000 $(BIN)/pytest -s tests/fuzz tests/api/test_lookups.py

property: .venv/dev ## Make random steps on a real ATDB, and find every byte after each (STEPS=n SEED=n)
	@$(BIN)/python -m tests.property --steps $(STEPS) $(if $(SEED),--seed $(SEED))

property-faults: .venv/dev ## Put faults that lose data back into the code, and show what the judge of `make property` finds
	@$(BIN)/python -m tests.property.faults $(if $(SEED),--seed $(SEED))

clears: .venv/dev ## Clear each failed state in Airflow in every way; `make test` clears each in one way
	ATDB_ALL_CLEARS=yes $(BIN)/pytest tests/e2e/test_clears.py

mutate: .venv/dev ## Put faults into the code one at a time, and list those that no test finds (MODULE=file; takes hours, can be stopped)
	@$(BIN)/python -m tools.mutation $(MODULE)

bench-browsers: .venv/dev ## Measure whether 100 browsers with open pages delay the pipeline
	@$(BIN)/python -m tests.benchmarks.browsers

bench-maintenance: .venv/dev ## Measure how maintenance affects a running scheduler (RUNS=n old runs in Airflow's database)
	@$(BIN)/python -m tests.benchmarks.maintenance $(RUNS)

kills: .venv/dev ## Kill the listener and other processes during observations, and check the result (LISTENER=n OTHERS=n)
	@$(BIN)/python -m tests.kills --host --listener $(LISTENER) --others 0
	@$(BIN)/python -m tests.kills --listener 2 --others $(OTHERS)

clocks: .venv/dev ## Let the clock jump an hour during observations, and check the result (requires gcc)
	@$(BIN)/pip install -q libfaketime==3.0.1
	@$(BIN)/python -m tests.clocks

bench-listen: .venv/dev ## Measure how soon work begins, compared with another checkout (BEFORE=directory)
	@$(BIN)/python -m tests.benchmarks.listen --before $(BEFORE)

bench-urgent: .venv/dev ## Check that the work of tonight does not wait for other work (MINUTES=n)
	@$(BIN)/python -m tests.benchmarks.urgent --minutes $(MINUTES)

bench-archive: .venv/dev ## Measure validate, ingest and remove, compared with another checkout (BEFORE=directory)
	@$(BIN)/python -m tests.benchmarks.archive --before $(BEFORE)

screenshots: .venv/dev browser ## Take the screenshots of all pages again, into docs/screenshots (SCHEDULE=file; needs Chromium)
	@$(BIN)/python -m tests.gui.screenshots docs/screenshots $(if $(SCHEDULE),'$(SCHEDULE)')

secrets: .venv/run ## Create the passwords, keys and first certificate of the containers (SECRETS=folder)
	@$(BIN)/python -m standalone.containers.secrets $(SECRETS)

rotate-secrets: .venv/run ## Replace all passwords and keys of the stopped stack (STACK=containers: of the containers, which restart)
	@$(BIN)/python -m standalone.rotation $(if $(filter containers,$(STACK)),--compose)

images: ## Build the images of docker-compose.yaml, labelled with version and commit
	@set -e; printf 'ATDB_VERSION=%s\nATDB_COMMIT=%s\n' "$$(git describe --tags --always --dirty)" "$$(git rev-parse HEAD)" > .env.new; \
	if test -e .env; then \
	  grep -v -e '^ATDB_VERSION=' -e '^ATDB_COMMIT=' .env >> .env.new || test $$? = 1; chmod --reference=.env .env.new; \
	fi; mv .env.new .env
	$(COMPOSE) build -q migrate migrate-airflow

# A folder that BACKUPS names is not created: it does not exist while its disk is not mounted.
backup: .venv/run ## Back up databases, secrets and settings (BACKUPS=folder KEEP=n; STACK=containers for the containers)
	@$(if $(filter .atdb-backups,$(BACKUPS)),mkdir -p -m 700 $(BACKUPS))
	@$(BIN)/python -m standalone.backup make '$(BACKUPS)' $(if $(KEEP),--keep $(KEEP)) $(if $(filter containers,$(STACK)),--compose)

backups: .venv/run ## List the complete backups (BACKUPS=folder)
	@$(BIN)/python -m standalone.backup list '$(BACKUPS)'

restore: .venv/run ## Replace both databases by those of a backup (FROM=backup; STACK=containers for the containers)
	@test -n '$(FROM)' || { echo 'Name a backup: make restore FROM=.atdb-backups/atdb-...'; exit 1; }
	@$(BIN)/python -m standalone.backup restore '$(FROM)' $(if $(filter containers,$(STACK)),--compose)

test-compose: .venv/dev browser ## Build the images, run and break all containers, and check the result (requires Docker)
	@$(BIN)/python -m tests.compose

test-upgrade: .venv/dev ## Upgrade running containers from another commit, and downgrade them again (BEFORE=commit)
	@$(BIN)/python -m tests.compose.upgrade $(BEFORE)

docs: .venv/run ## Write the parts of the documents that are generated from the code
	@sed -i '/^| endpoint/,$$d' docs/permissions.md
	@ATDB_DATABASE_URL=postgresql+psycopg2:// $(BIN)/flask --app atdb_api permissions >> docs/permissions.md
	@$(BIN)/python -m tools.doc_tables

# Tests of pages use Debian's Chromium; without it, they are skipped.
browser:
	@test -x /usr/bin/chromium || { test "$$(id -u)" = 0 && command -v apt-get > /dev/null \
	  && apt-get -qq update && apt-get -qq install chromium > /dev/null; } \
	  || echo "There is no /usr/bin/chromium: tests that need a browser are skipped"

check: .venv/dev ## Check style, types, layers, queries, writers, sizes, language, literals, generated and container files
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports || { echo 'Move the code to the layer that may import this: docs/architecture.md#layers'; exit 1; }
	$(BIN)/python -m tools.literals
	$(BIN)/python -m tools.instrument_words
	$(BIN)/python -m tools.language
	$(BIN)/python -m tools.structure --check
	$(BIN)/python -m tools.queries
	$(BIN)/python -m tools.one_writer
	$(BIN)/python -m tools.doc_tables --check
	$(BIN)/python -m tools.unasync --check
	$(BIN)/hadolint deploy/*.Dockerfile
	$(BIN)/check-jsonschema -q --builtin-schema vendor.compose-spec docker-compose.yaml

format: .venv/dev ## Format the code, and generate the synchronous client
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/python -m tools.unasync

lock: .venv/run ## Pin the newest versions that requirements*.in allow
	$(BIN)/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-annotate --no-header requirements.in -o requirements.txt
	$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header requirements-atdb.in -o requirements-atdb.txt
	$(BIN)/uv pip compile -q --python-version 3.11 --generate-hashes --no-annotate --no-header requirements-airflow.in -o requirements-airflow.txt
	$(BIN)/uv pip compile -q --upgrade --python-version 3.11 --generate-hashes --no-annotate --no-header requirements-dev.in -o requirements-dev.txt

install: .venv/run ## Install the packages that ATDB needs into .venv

clean: down ## Delete .venv and all state: databases, data and archive of this checkout
	rm -rf .venv .atdb

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("ATDB needs Python 3.11: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install -q --disable-pip-version-check $(UV)

.venv/run: .venv/bin/uv requirements.txt pyproject.toml
	$(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --no-deps -e .
	@touch $@

.venv/dev: .venv/run requirements-dev.txt
	$(BIN)/uv pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.txt
	@touch $@
