#!/usr/bin/env bash
# Sets up everything `make run` (and with --dev, `make test`) needs; steps whose inputs did not change are skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { printf 'maxsight: %s\n' "$1" >&2; exit 1; }
say() { if [ -t 1 ]; then printf '\033[1m%s\033[0m\n' "$1"; else printf '%s\n' "$1"; fi; }
digest() { cat "$@" | cksum | tr -d ' '; }
instance=${MAXSIGHT_INSTANCE_DIR:-instance}
dev=""; [ "${1:-}" = "--dev" ] && dev=1

find_python() {
  local name
  for name in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python; do
    if command -v "$name" >/dev/null 2>&1 &&
       "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"; return 0
    fi
  done
  return 1
}

check_prerequisites() {
  python=$(find_python) || fail "Python 3.11 or newer is needed and was not found; install it (Debian: apt-get install python3 python3-venv; macOS: brew install python) or name it: make run PYTHON=/path/to/python3"
  command -v node >/dev/null 2>&1 || fail "Node.js 20 or newer is needed and was not found; install it (Debian: apt-get install nodejs npm; macOS: brew install node)"
  node -e 'process.exit(Number(process.versions.node.split(".")[0]) < 20 ? 1 : 0)' 2>/dev/null || fail "Node.js 20 or newer is needed; this is $(node --version)"
  command -v npm >/dev/null 2>&1 || fail "npm is needed and was not found; it comes with Node.js (Debian: apt-get install npm)"
  "$python" -c 'import venv, ensurepip' 2>/dev/null || fail "Python's venv module is missing; install it (Debian: apt-get install python3-venv)"
}

install_python_packages() {
  local files=(requirements.txt requirements-no-deps.txt) stamp
  [ -n "$dev" ] && files+=(requirements-dev.txt training/requirements.txt training/requirements-export.txt)
  stamp=".venv/.stamp${dev:+-dev}"
  if [ -x .venv/bin/python ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(digest "${files[@]}")" ]; then return; fi
  say "Installing Python packages (the first time this takes a few minutes) ..."
  [ -x .venv/bin/python ] || "$python" -m venv .venv || fail "the virtual environment .venv could not be made with $python"
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
  # uv installs several times faster than pip and reads the same files; pip stays the fallback.
  local pip=(.venv/bin/python -m pip install --disable-pip-version-check -q) uv=()
  if "${pip[@]}" uv >/dev/null 2>&1; then uv=(env UV_SYSTEM_CERTS=1 .venv/bin/uv pip install -q --python .venv/bin/python); fi
  install() { { [ ${#uv[@]} -gt 0 ] && "${uv[@]}" "$@"; } || "${pip[@]}" "$@"; }
  local wanted=(-r requirements.txt)
  [ -n "$dev" ] && wanted+=(-r requirements-dev.txt)
  install "${wanted[@]}" || fail "the Python packages could not be installed; the lines above say which one"
  # rapidocr asks for opencv-python, which needs libGL and overwrites the headless OpenCV: its other needs are above.
  install --no-deps -r requirements-no-deps.txt || fail "rapidocr could not be installed; the lines above say why"
  digest requirements.txt requirements-no-deps.txt > .venv/.stamp
  [ -z "$dev" ] || digest "${files[@]}" > .venv/.stamp-dev
}

install_browser_libraries() {
  local stamp=static/vendor/.stamp
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(digest package-lock.json)" ]; then return; fi
  say "Installing browser libraries ..."
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null || fail "the browser libraries could not be installed (npm ci); the lines above say why"
  rm -rf static/vendor
  copy socket.io-client/dist/socket.io.esm.min.js socket.io-client
  copy uplot/dist/uPlot.esm.js uplot
  copy uplot/dist/uPlot.min.css uplot
  copy "@fontsource/atkinson-hyperlegible/files/*.woff2" atkinson-hyperlegible
  copy @fontsource/atkinson-hyperlegible/LICENSE atkinson-hyperlegible
  digest package-lock.json > "$stamp"
}

copy() { mkdir -p "static/vendor/$2"; cp node_modules/$1 "static/vendor/$2/"; }

fetch_weights_once() {
  # Tried once; `make weights` tries again. Without internet MaxSight perceives by measurement and says so.
  local tried="$instance/.weights-tried"
  [ -f "$tried" ] && return
  mkdir -p "$instance"
  .venv/bin/python -m maxsight_core.engine.weights fetch --optional --connect-timeout 10 && touch "$tried"
}

prepare_int8_once() {
  # Quantizing takes half a minute; afterwards Stage A answers in about half the time. Full precision stays the fallback.
  # Once for each state of the network's code, on which the compiled graphs depend.
  local tried="$instance/.int8-tried" code
  code=$(find maxsight_core/models -name '*.py' -print0 | sort -z | xargs -0 cat | cksum | tr -d ' ')${MAXSIGHT_TIER:-}
  if [ -f "$tried" ] && [ "$(cat "$tried")" = "$code" ]; then return; fi
  say "Preparing the network for this CPU ..."
  .venv/bin/python -m maxsight_core.engine.quantize --if-needed 2>"$instance/int8.log" | tail -n 1 ||
    echo "INT8: not prepared ($(tail -n 1 "$instance/int8.log")); full precision stays in use"
  printf '%s' "$code" > "$tried"
}

check_prerequisites
install_python_packages
install_browser_libraries
if [ -z "$dev" ]; then
  fetch_weights_once
  prepare_int8_once
  command -v espeak-ng >/dev/null 2>&1 || command -v espeak >/dev/null 2>&1 || [ "$(uname)" = Darwin ] ||
    echo "maxsight: espeak-ng is not installed: browsers without a voice of their own will show alerts but not speak them (Debian: apt-get install espeak-ng)"
fi
