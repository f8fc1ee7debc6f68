#!/usr/bin/env bash
# Writes bills of materials (CycloneDX 1.6, JSON) of what is handed out, from the lock files and the package cache.
#   build/sbom.sh OUT [NAME...]      OUT/NAME.cdx.json; default: all there are, such as flow-linux-x64, FlowRuntime, flow-train-linux-x64
# Nothing is downloaded but what building needs: what build/lock.sh restored is there.
set -euo pipefail
[ $# -gt 0 ] || { echo "Give the folder to write to: build/sbom.sh OUT [NAME...]" >&2; exit 2; }
out=$(realpath -m "$1")
cd "$(dirname "$0")/.."
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2> /dev/null || echo 1767225600)}
log=$(dotnet build tools/sbom -c Release -v q -nologo 2>&1) || { echo "$log" >&2; exit 1; }
exec dotnet tools/sbom/bin/Release/net10.0/sbom.dll "$(dotnet msbuild tools/sbom -getProperty:Version)" "$out" "${@:2}"
