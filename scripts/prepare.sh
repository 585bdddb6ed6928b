#!/usr/bin/env bash
# Migrates the database and makes the demo clinic the first time (its passwords are printed then, and only then).
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
"$python" -W ignore::RuntimeWarning -m app.config >/dev/null  # a secret key, the first time
exec "$python" -m flask --app wsgi prepare
