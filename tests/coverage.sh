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
    bin=tests/$project.Tests/bin/Release/net10.0
    program=$(find "$bin" -name "$project.Tests" -type f | head -n 1)
    "$program" --coverlet --coverlet-output-format cobertura --coverlet-include "[$project]*" --results-directory "$work/$project" > "$work/$project.log" ||
        { tail -n 40 "$work/$project.log"; echo "The tests of $project failed."; }
    report=$(find "$work/$project" "$bin" . -name '*cobertura*.xml' -newer "$work/clone/README.md" | head -n 1)
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
