#!/usr/bin/env bash
# Makes the lock files in build/locks anew, after a dependency or a project has changed; look at the difference and commit it.
#   build/lock.sh
# It restores the solution as on each platform that has a libtorch, and the flow tool as it is published and packed; what the
# feed does not have is named, and its old file stays. Needs the .NET SDK that builds the archives: its version is part of some.
set -uo pipefail
cd "$(dirname "$0")/.."
failed=0

# Restores with these arguments; a failure is told in a line, with what was to be made.
lock() {
  local what=$1 log
  shift
  if log=$(dotnet restore "$@" -p:MakeLocks=true --force-evaluate 2>&1); then
    echo "locked: $what"
  else
    failed=1
    echo "not locked: $what: $(grep -m 1 -o 'error [A-Z]*[0-9]*:.*' <<< "$log" | sed 's/ \[.*//')" >&2
  fi
}

for rid in linux-arm64 linux-x64 osx-arm64 win-x64; do
  lock "flow published for $rid" tools/flow -p:RuntimeIdentifier="$rid" -p:_IsPublishing=true
done
lock 'flow packed as a tool' tools/flow -p:_IsPacking=true
own=$(dotnet msbuild tools/flow -getProperty:NETCoreSdkPortableRuntimeIdentifier)
# The build machine's own platform comes last, so that building goes on from there.
for rid in $(printf '%s\n' linux-x64 osx-arm64 win-x64 | grep -vx "$own") "$own"; do
  lock "the solution on $rid" -p:NETCoreSdkRuntimeIdentifier="$rid" -p:NETCoreSdkPortableRuntimeIdentifier="$rid"
done
exit $failed
