# Everything a newcomer needs is one word: `make demo`, `make test`. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
export MPLBACKEND := Agg
export HF_HUB_OFFLINE ?= 1
export MLFLOW_DISABLE_TELEMETRY ?= true
export ORT_DISABLE_TELEMETRY ?= 1

.PHONY: help setup demo serve test test-fast coverage lint format types imports bench kubernetes mlflow proto server-alone sbom release-check clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## create .venv and install all that training, serving and the tests need

$(STAMP): pyproject.toml .ci/constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name yours with 'make PYTHON=/path/to/python3.11'"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[train,dev]'
	touch $@

demo: setup ## synthetic history -> train -> evaluate -> export -> serve -> eight decisions (minutes; the first time it distils MiniLM)
	$(BIN)/thinkgate demo

serve: setup ## leave the server running on the demo bundle
	@test -f var/demo/bundle/manifest.json || $(BIN)/thinkgate demo
	$(BIN)/thinkgate-server --bundle var/demo/bundle --arms data/arms.toml --journal sqlite:///var/journal.db

test: setup lint types imports ## what CI runs: linters, types, import contracts, tests, doctests
	$(BIN)/python -m pytest

test-fast: setup ## the kernel's and the serving values' tests, the contracts and the linters: under two minutes
	$(BIN)/ruff check .
	$(BIN)/python -m pytest -q -x $(FAST)

coverage: setup ## all tests with line and branch coverage; fails below the floor in pyproject.toml
	$(BIN)/python -m pytest --cov --cov-report=term:skip-covered --cov-report=html:var/coverage

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup ## format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup
	$(BIN)/mypy
	MYPYPATH=deploy/litellm $(BIN)/mypy -p thinkgate_litellm

imports: setup
	$(BIN)/lint-imports

bench: setup ## one benchmark by name, ARGS go to it: make bench NAME=speed; without a name it lists them
	$(if $(NAME),$(BIN)/python -m tests.benchmarks.run_$(NAME) $(ARGS),@sed -s -n '1s/^"""//p' tests/benchmarks/run_*.py | paste -d '\t' <(ls tests/benchmarks/run_*.py | sed 's/.*run_//; s/\.py//') - | expand -t 14)

kubernetes: setup ## copy arms, policy and alerts into the Helm chart, and write deploy/kubernetes from it
	cp data/arms.toml data/policy.toml deploy/grafana/alerts.yaml deploy/helm/thinkgate/files/
	$(BIN)/python -m tests.deploy.chart

mlflow: setup ## the MLflow UI on the demo's runs
	$(BIN)/mlflow ui --backend-store-uri sqlite:///var/mlflow.db --host 127.0.0.1 --port 5000

proto: setup ## generate the Python stubs from serving/proto
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. serving/proto/thinkgate/v1/*.proto serving/proto/envoy/*.proto

SERVER := .venv-server
SBOM := .venv-sbom
FAST := tests/serving/decision tests/serving/schemas tests/serving/auth tests/contracts tests/training/metrics tests/training/records

$(SERVER)/.installed: pyproject.toml .ci/constraints.txt $(shell find serving -name '*.py' -not -path '*/__pycache__/*')
	$(PYTHON) -m venv --clear $(SERVER)
	$(SERVER)/bin/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt .
	touch $@

server-alone: $(SERVER)/.installed ## install the server without training, as its container does, and ask it something
	$(SERVER)/bin/python tests/deploy/server_alone.py

sbom: $(SERVER)/.installed ## bill of materials (CycloneDX) of the server's environment: var/sbom.json
	test -x $(SBOM)/bin/cyclonedx-py || { $(PYTHON) -m venv $(SBOM) && $(SBOM)/bin/python -m pip install --quiet --disable-pip-version-check cyclonedx-bom==7.5.0; }
	mkdir -p var
	$(SBOM)/bin/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-format JSON --output-file var/sbom.json $(SERVER)
	@$(PYTHON) -c "import json; s = json.load(open('var/sbom.json')); print('var/sbom.json:', s['specVersion'], len(s['components']), 'components')"

release-check: setup ## everything a release needs, without publishing: version, changelog, wheel, installed wheel, image file
	$(BIN)/python -m tests.deploy.release_check

clean: ## remove what was built (the environment stays)
	rm -rf var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
