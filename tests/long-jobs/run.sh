#!/usr/bin/env bash
# A million points in 16 shards against one run, and killed ten times at random moments and resumed against one run: the
# same bytes. Takes about three minutes on two cores; not in CI. Run it as: tests/long-jobs/run.sh [PROGRAM]
# PROGRAM is the flow program; without it the tool is built and run by dotnet.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ $# -gt 0 ]; then
    flow=("$(realpath "$1")")
else
    dotnet build "$root/tools/flow" -c Release --verbosity quiet
    flow=(dotnet "$(find "$root/tools/flow/bin/Release" -name flow.dll -not -path '*/publish/*' | head -n 1)")
fi
model=$root/exported-models/moons.onnx
count=1000000
job=("${flow[@]}" sample "$model" --count $count --seed 7)
cd "$work"

"${job[@]}" --out whole.npy
for i in $(seq 0 15); do
    "${job[@]}" --shard "$i/16" --resume --out "part-$i.npy" > /dev/null
done
"${flow[@]}" join part-*.npy --out joined.npy
cmp whole.npy joined.npy
echo "16 shards, joined: the bytes of one run"

kills=0
while [ $kills -lt 10 ]; do
    "${job[@]}" --resume --out killed.npy > /dev/null 2>&1 &
    sleep "$(awk -v seed="$RANDOM" 'BEGIN { srand(seed); printf "%.2f", 0.3 + 4 * rand() }')"
    if kill -KILL $! 2> /dev/null; then
        kills=$((kills + 1))
        wait $! 2> /dev/null || true
        sed -n 's/.*"done": \([0-9]*\).*/killed with \1 rows kept/p' killed.npy.partial.json 2> /dev/null || echo "killed before the first checkpoint"
    else
        # It was done before the last kill: begin anew, the kills so far count.
        wait $! || true
        cmp whole.npy killed.npy
        rm -f killed.npy killed.json
    fi
done
"${job[@]}" --resume --out killed.npy
cmp whole.npy killed.npy
evaluations() { sed -n 's/.*"evaluations": \([0-9]*\).*/\1/p' "$1"; }
test "$(evaluations whole.json)" = "$(evaluations killed.json)"
echo "$kills kills, resumed: the bytes and the evaluations of one run"
