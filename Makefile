# MaxSight's commands. `make run` and `make test` do everything they need, on a machine that has never seen the project.
#   PORT, HOST   where the server listens (default 127.0.0.1:5000)
#   PYTHON       the Python (>= 3.11) the environment is made with
SHELL := /bin/bash
PORT ?= 5000
HOST ?= 127.0.0.1
export PORT HOST PYTHON

.PHONY: help run setup weights test lint bench clean

help:            ## this list
	@grep -E '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: setup       ## set everything up and start the server
	@exec scripts/serve.sh

setup:           ## environment, browser libraries, database, demo clinic; quick when nothing changed
	@scripts/setup.sh

weights: setup   ## try to fetch torchvision's published COCO weights (needs internet)
	@.venv/bin/python -m maxsight_core.engine.weights fetch

test:            ## the whole suite, browser tests in real Chromium included
	@scripts/test.sh $(TESTS)

lint: setup      ## ruff
	@scripts/setup.sh --dev >/dev/null && .venv/bin/ruff check .

bench: setup     ## speed of the engine on this machine
	@.venv/bin/python -m maxsight_core.bench

clean:           ## remove what set-up made, but never the database
	rm -rf .venv node_modules static/vendor .pytest_cache .ruff_cache
