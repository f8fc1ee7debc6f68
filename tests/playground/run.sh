#!/usr/bin/env bash
# Opens the playground in a headless browser, from its folder and from a server, draws with each model and both solvers, and looks at what happens. Needs Node, npm and
# Chromium, and the .NET SDK; about five minutes on two cores; not in CI. Run it as: tests/playground/run.sh [FOLDER]
# FOLDER receives screenshots of each model in the middle of its way and at the end. CHROMIUM is the browser (/usr/bin/chromium).
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
screenshots=$(realpath -m "${1:-$(mktemp -d)}")
mkdir -p "$screenshots"
[ -f "$root/docs/playground/runtime/runtime.js" ] || "$root/docs/playground/get-runtime.sh"
dotnet build "$root/tools/flow" -c Release --verbosity quiet -nologo
FLOW="dotnet $(find "$root/tools/flow/bin/Release" -name flow.dll -not -path '*/publish/*' | head -n 1)"
export FLOW
cd "$root/tests/playground"
npm ci --silent --no-audit --no-fund --ignore-scripts
CHROMIUM=${CHROMIUM:-/usr/bin/chromium} exec node playground.mjs "$root/docs/playground" "$screenshots"
