#!/usr/bin/env bash
# Gets onnxruntime-web from npm into docs/playground/runtime/, which is not committed, as one script that pages may load from a folder. Needs Node and npm.
set -euo pipefail
version=1.30.0
folder=$(cd "$(dirname "$0")" && pwd)/runtime
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm install --prefix "$work" --silent --no-audit --no-fund --no-save --ignore-scripts "onnxruntime-web@$version"
mkdir -p "$folder"
node - "$work/node_modules/onnxruntime-web/dist" "$version" > "$work/runtime.js" <<'SCRIPT'
const { readFileSync } = require('fs');
const { gzipSync } = require('zlib');
const [folder, version] = process.argv.slice(2);
const text = name => JSON.stringify(readFileSync(`${folder}/${name}`, 'utf8').replace(/\n?\/\/# sourceMappingURL=.*/, ''));
const wasm = gzipSync(readFileSync(`${folder}/ort-wasm-simd-threaded.wasm`), { level: 9 }).toString('base64');
process.stdout.write(`// onnxruntime-web ${version}, Copyright (c) Microsoft Corporation, MIT licence; wrapped by get-runtime.sh.
Runtime.give({ version: '${version}',
script: ${text('ort.wasm.min.js')},
loader: ${text('ort-wasm-simd-threaded.mjs')},
wasm: '${wasm}' });
`);
SCRIPT
mv "$work/runtime.js" "$folder/runtime.js"
echo "onnxruntime-web $version is in ${folder##*/}/ ($(wc -c < "$folder/runtime.js" | awk '{ printf "%.1f MB", $1 / 1e6 }')): open index.html."
