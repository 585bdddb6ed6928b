#!/usr/bin/env bash
# Installs what the suite needs, browser included, and runs it. Arguments go to pytest.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh --dev

have() { command -v "$1" >/dev/null 2>&1; }
apt_install() {
  [ "$(id -u)" = 0 ] && have apt-get || return 1
  echo "Installing $* ..."
  (apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@") >/tmp/maxsight-apt.log 2>&1 ||
    { tail -n 3 /tmp/maxsight-apt.log >&2; return 1; }
}

# A browser: Playwright's own, else the system's, else whichever of the two can be installed.
playwright_browser() { .venv/bin/python - <<'PY' 2>/dev/null
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    sys.exit(not pathlib.Path(p.chromium.executable_path).exists())
PY
}
if ! playwright_browser && ! have chromium && ! have chromium-browser && ! have google-chrome; then
  timeout 180 .venv/bin/playwright install chromium >/dev/null 2>&1 || apt_install chromium ||
    echo "maxsight: no Chromium could be installed: browser tests will fail; install it (Debian, as root: apt-get install chromium)" >&2
fi
have espeak-ng || [ "$(uname)" = Darwin ] || apt_install espeak-ng || echo "maxsight: espeak-ng is absent: server speech is not tested" >&2

.venv/bin/ruff check .
exec .venv/bin/python -m pytest "$@"
