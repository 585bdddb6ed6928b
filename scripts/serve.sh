#!/usr/bin/env bash
# Migrates the database, makes the demo clinic the first time, and starts the server. Called by `make run`.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/prepare.sh
exec .venv/bin/gunicorn -c gunicorn.conf.py wsgi:app
