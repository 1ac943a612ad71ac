#!/usr/bin/env bash
# Make sure that the browser tests find a Chromium: the system's, or the path in LLMOPT_CHROMIUM.
set -euo pipefail
for candidate in "${LLMOPT_CHROMIUM:-}" chromium chromium-browser google-chrome \
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 && exit 0
done
echo "browser: installing Chromium for the browser tests"
if command -v apt-get >/dev/null 2>&1; then
    sudo=$([ "$(id -u)" = 0 ] || echo sudo)
    $sudo apt-get update -qq && $sudo apt-get install -y -qq chromium >/dev/null
else
    .venv/bin/playwright install chromium
fi
