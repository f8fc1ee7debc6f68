#!/usr/bin/env bash
# Changes the code in small ways and counts which changes the tests notice: mutation testing by Stryker.NET of the paths (some 6 minutes) or of the solver's judgement, controllers and grids (half an hour).
# Each change is tried by all tests of a part, so a part's tests are put into a project of their own, in a clone of the last commit. Not in CI.
# Run it as: tests/mutation.sh paths|solver [REPORT]     REPORT is the file for Stryker's report in JSON. The changes that no test noticed are printed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
case ${1:-} in
  paths)
    mutated='"**/Paths/*.cs"'
    kept=(Paths Ode/TimeGridTests.cs Ode/WhitenedCoordinatesTests.cs) ;;
  solver)
    mutated='"**/Ode/AdaptiveWorker.Judgement.cs","**/Ode/RowControllers.cs","**/Ode/TimeGrid.cs"'
    kept=(Reference Robustness/{AdaptiveHonestyTests,FloatLimitTests,FlowTrial,KnownFlow,LastStateTests}.cs
      Ode/{EngineCancellationTests,EngineCountingTests,EngineFailureTests,EngineIntervalTests,ObservedOrderTests,ReverseTimeTests,RowArithmeticTests,RowControllersTests,StepChoiceTests,StepTests,TimeGridTests}.cs) ;;
  *) sed -n '2,4s/^# //p' "$0" >&2; exit 2 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
dotnet tool install --tool-path "$work/tools" dotnet-stryker --version 5.1.0 > /dev/null
git clone --quiet "$root" "$work/code"
tests=$work/code/tests/FlowRuntime.Tests
mkdir "$work/kept"
(cd "$tests" && cp --parents -r Support "${kept[@]}" "$work/kept")
find "$tests" -mindepth 1 -maxdepth 1 -not -name FlowRuntime.Tests.csproj -exec rm -rf {} +
cp -r "$work/kept/." "$tests"
cd "$tests"
# Without what only the tests that are left out need.
sed -i '/Tells the tests where/d; /<Target/,/<\/Target>/d; /NoNativeHost/d; /tools\/sbom/d; /exported-models/d' FlowRuntime.Tests.csproj
cat > stryker.json << JSON
{ "stryker-config": { "project": "FlowRuntime.csproj", "mutate": [$mutated], "test-runner": "mtp", "coverage-analysis": "all", "configuration": "Release", "reporters": ["cleartext", "json"] } }
JSON
"$work/tools/dotnet-stryker" --config-file stryker.json | grep -v '^ *$'
if [ $# -gt 1 ]; then cp "$(find StrykerOutput -name mutation-report.json)" "$2"; fi
