#!/usr/bin/env bash
# Makes models/NAME-SOLVER.js from exported models: samplers with their trajectories, baked by flow and wrapped in scripts that pages may load from a folder.
#   docs/playground/make-models.sh [MODEL.onnx...]      default: moons, digits and mnist
# FLOW is the flow program; without it the tool is built and run by dotnet. Add a line to models/list.js for a model of your own. Needs GNU base64.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
models=("$@")
[ $# -gt 0 ] || models=("$root"/exported-models/{moons,digits,mnist}.onnx)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ -n "${FLOW:-}" ]; then
    flow=("$FLOW")
else
    dotnet build "$root/tools/flow" -c Release --verbosity quiet
    flow=(dotnet "$(find "$root/tools/flow/bin/Release" -name flow.dll -not -path '*/publish/*' | head -n 1)")
fi
for model in "${models[@]}"; do
    for method in heun dopri5; do
        name=$(basename "$model" .onnx)-$method
        "${flow[@]}" bake "$model" --method $method --trajectory --out "$work/$name.onnx"
        { printf "Models.give('models/%s.js', '" "$name"; base64 -w 0 "$work/$name.onnx"; printf "');\n"; } > "$work/$name.js"
        mv "$work/$name.js" "$root/docs/playground/models/$name.js"
    done
done
