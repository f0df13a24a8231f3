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

.PHONY: server-alone sbom bench-watch help setup demo serve test check lint types imports bench fuzz bench-serving bench-quality bench-budget bench-statistics bench-scale mlflow proto clean bench-endurance bench-collector bench-gate bench-retrain bench-drift bench-dask kubernetes

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 18

setup: $(STAMP) ## create .venv and install all that training, serving and the tests need

$(STAMP): pyproject.toml .ci/constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is needed: install it, or name yours with 'make PYTHON=/path/to/python3.11'"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[train,dev]'
	touch $@

demo: setup ## sample world -> train -> evaluate -> export -> serve -> eight decisions (minutes; the first time it distils MiniLM)
	$(BIN)/thinkgate demo

serve: setup ## leave the server running on the demo bundle
	@test -f var/demo/bundle/manifest.json || $(BIN)/thinkgate demo
	$(BIN)/thinkgate-server --bundle var/demo/bundle --arms data/arms.toml --journal sqlite:///var/journal.db

test: check ## what CI runs: linters, types, import contracts, tests, doctests

check: setup lint types imports
	$(BIN)/python -m pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

bench: setup ## speed of decide() in process, ONNX against LightGBM, HTTP beside an echo
	$(BIN)/python -m tests.benchmarks.run_speed

bench-watch: setup ## what keys, rates and metrics add to a decision, beside prometheus_client's own
	$(BIN)/python -m tests.benchmarks.bench_watch

bench-serving: setup ## HTTP, gRPC and Envoy beside echoes of the same stack, load, journal (about two minutes)
	$(BIN)/python -m tests.benchmarks.run_serving

fuzz: setup ## long fuzz of the real server: schemathesis, 10,000 bodies, 10,000 protobuf messages
	$(BIN)/python -m tests.benchmarks.run_fuzz

bench-quality: setup ## quality on public outcome data beside all baselines (DATA=folder with the Parquet files)
	$(BIN)/python -m tests.benchmarks.run_quality $(if $(DATA),--data $(DATA))

bench-statistics: setup ## synthetic world: what logs teach, whether intervals cover and certificates hold (about an hour)
	$(BIN)/python -m tests.benchmarks.run_statistics

bench-scale: setup ## time and peak memory of training and reading on synthetic rows (ROWS="10000 100000 1000000")
	$(BIN)/python -m tests.benchmarks.run_scale $(if $(ROWS),--rows $(ROWS))
	$(BIN)/python -m tests.benchmarks.run_scale --read-only $(if $(ROWS),--rows $(ROWS))

bench-budget: setup ## budgets over simulated days of skewed traffic (synthetic; several minutes)
	$(BIN)/python -m tests.benchmarks.run_budget
bench-endurance: setup ## kills, swaps, faults and an hour of half load (ARGS="--kills 100 --swaps 200 --faults 60 --minutes 60")
	$(BIN)/python -m tests.benchmarks.run_endurance $(or $(ARGS),--kills 100 --swaps 200 --faults 60 --minutes 60)

bench-collector: setup ## 20 kills in a collector's run of 500 prompts; a million rows imported (about five minutes)
	$(BIN)/python -m tests.benchmarks.run_collector

bench-gate: setup ## how often the gate promotes truly worse and truly better challengers (synthetic; minutes)
	$(BIN)/python -m tests.benchmarks.run_gate

bench-retrain: setup ## time and peak memory of one step of the loop on a synthetic journal (ROWS=100000)
	$(BIN)/python -m tests.benchmarks.run_retrain $(if $(ROWS),--rows $(ROWS))

bench-drift: setup ## what the loop wins back after a synthetic world has drifted, over seeds (long; ARGS="--seeds 1")
	$(BIN)/python -m tests.benchmarks.run_drift $(ARGS)

bench-dask: setup ## training on a Dask cluster of 1 and 2 workers, by stage (synthetic; ARGS="--rows 20000")
	$(BIN)/python -m tests.benchmarks.run_dask $(ARGS)

kubernetes: setup ## copy arms, policy and alerts into the Helm chart, and write deploy/kubernetes from it
	cp data/arms.toml data/policy.toml deploy/grafana/alerts.yaml deploy/helm/thinkgate/files/
	$(BIN)/python -m tests.deploy.chart

mlflow: setup ## the MLflow UI on the demo's runs
	$(BIN)/mlflow ui --backend-store-uri sqlite:///var/mlflow.db --host 127.0.0.1 --port 5000

clean: ## remove what was built (the environment stays)
	rm -rf var build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

proto: setup ## generate the Python stubs from serving/proto
	$(BIN)/python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. --grpc_python_out=. serving/proto/thinkgate/v1/*.proto serving/proto/envoy/*.proto

SERVER := .venv-server
SBOM := .venv-sbom

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
