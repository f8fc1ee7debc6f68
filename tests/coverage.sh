#!/usr/bin/env bash
# Which lines and branches of the two libraries the tests reach, and the files that they reach least. In a clone of its own, since it builds
# everything with a counter in each branch; about ten minutes on two cores; not in CI. Run it as: tests/coverage.sh
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
git clone --quiet "$root" "$work/clone"
cd "$work/clone"
dotnet build -c Release -p:Coverage=true --verbosity quiet
for project in FlowRuntime FlowRuntime.Training; do
    # One test fails here: the counter brings an assembly that the runtime does not know.
    dotnet test --project "tests/$project.Tests" -c Release -p:Coverage=true --no-build --coverlet --coverlet-output-format cobertura \
        --coverlet-include "[$project]*" --results-directory "$work/$project" > "$work/$project.log" || grep '^failed' "$work/$project.log" || true
    report=$(find "$work/$project" -name '*cobertura*.xml' | head -n 1)
    awk -v name="$project" '
        /<coverage / { match($0, /line-rate="[^"]*"/); lines = substr($0, RSTART + 11, RLENGTH - 12); match($0, /branch-rate="[^"]*"/); branches = substr($0, RSTART + 13, RLENGTH - 14) }
        /<class / { match($0, /filename="[^"]*"/); file = substr($0, RSTART + 10, RLENGTH - 11); in_lines = 0 }
        /<\/methods>/ { in_lines = 1 }
        in_lines && /<line / { all[file]++; if ($0 !~ /hits="0"/) hit[file]++ }
        END {
            printf "%s: %.1f%% of lines, %.1f%% of branches\n", name, 100 * lines, 100 * branches
            for (file in all) if (all[file] >= 5) printf "  %5.1f%% of %4d lines  %s\n", 100 * hit[file] / all[file], all[file], file | "sort -n | head -n 10"
        }' "$report"
done
