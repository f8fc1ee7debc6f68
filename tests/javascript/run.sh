#!/usr/bin/env bash
# Baked samplers in JavaScript: those of the shipped models, with every method, run by onnxruntime-node and by onnxruntime-web in headless Chromium, against the engine's own
# results; and the JavaScript of README.md, word for word. A few minutes; not in CI. Needs the .NET SDK, Node 20 or newer with npm, and Chromium: /usr/bin/chromium, or what
# CHROMIUM names. npm gets the packages of package-lock.json once.
# Run it as: tests/javascript/run.sh [--time]     with --time it tells how long the samplers take instead, best on a quiet machine.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
case ${1:-} in ''|--time) ;; *) echo "There is no option $1: run it alone or with --time." >&2; exit 2 ;; esac
for program in dotnet node npm "${CHROMIUM:=/usr/bin/chromium}"; do
    command -v "$program" > /dev/null || { echo "$program is missing: the head of this script says what is needed." >&2; exit 1; }
done
export CHROMIUM
work=$(mktemp -d)
last='JavaScript: FAILED'
trap 'rm -rf "$work"; echo "$last"' EXIT

cd "$here"
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --ignore-scripts --no-audit --no-fund # the scripts would fetch libraries for GPUs
mkdir "$work/references"
dotnet run references.cs "$root/exported-models" "$work/references"
node test.js "$work/references" "${1:-}"
if [ "${1:-}" = --time ]; then
    last='JavaScript: measured'
    exit
fi

# README's own lines: what bakes, and what samples.
ln -s "$root/exported-models" "$work/exported-models"
ln -s "$here/node_modules" "$work/node_modules"
flow() { dotnet run --project "$root/tools/flow" -c Release -- "$@"; }
cd "$work"
bake=$(grep -m 1 '^flow bake .*digits-sampler\.onnx' "$root/README.md")
sed -n '/^```js$/,/^```$/p' "$root/README.md" | sed '/^```/d' > readme.mjs
[ -s readme.mjs ] || { echo 'README.md has no JavaScript.' >&2; exit 1; }
eval "$bake"
said=$(node readme.mjs)
echo "README.md: $said"
[ "$said" = '[ 1, 1, 8, 8 ] 0n' ] || { echo 'README.md: that is not the shape and the status of one digit.' >&2; exit 1; }
last='JavaScript: passed'
