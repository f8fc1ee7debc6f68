#!/usr/bin/env bash
# Asks the package feed for known vulnerabilities of all packages of the solution.
#   build/vulnerabilities.sh
# Ends with 0 if it knows none, 1 if it knows some, or if it does not even know one that is well known: then it keeps no such list.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat > "$work/probe.csproj" << 'END'
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
  </PropertyGroup>
  <ItemGroup>
    <PackageReference Include="Newtonsoft.Json" Version="12.0.1" />
  </ItemGroup>
</Project>
END
dotnet restore "$work/probe.csproj" -p:NuGetAudit=false -v q
if ! dotnet list "$work/probe.csproj" package --vulnerable | grep -q 'Newtonsoft\.Json'; then
  echo "The feed does not know that Newtonsoft.Json 12.0.1 is vulnerable (GHSA-5crp-9r3c-p9vr): it keeps no list, and says nothing of our packages." >&2
  exit 1
fi

dotnet restore -v q
dotnet list FlowRuntime.sln package --vulnerable --include-transitive | tee "$work/found"
! grep -q 'has the following vulnerable packages' "$work/found"
