#!/usr/bin/env bash
# Makes what is handed out: for each platform artifacts/flow-VERSION-RID.tar.gz (.zip for Windows), the flow tool with all it needs.
#   build/publish.sh [RID...]      default: linux-x64 linux-arm64 win-x64 win-arm64 osx-arm64
# Needs the .NET SDK, GNU tar, gzip and zip, and for native programs on Linux (Debian, Ubuntu):
#   apt-get install clang lld zlib1g-dev zip
#   apt-get install gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils-aarch64-linux-gnu     (linux-arm64 on x64)
# The same published folder makes the same bytes: names are sorted, owners fixed, and dates are the last commit's (without git 2026-01-01).
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rids=("$@")
[ $# -gt 0 ] || rids=(linux-x64 linux-arm64 win-x64 win-arm64 osx-arm64)

for program in dotnet tar gzip zip; do
  command -v "$program" > /dev/null || { echo "$program is missing: install it." >&2; exit 1; }
done
version=$(dotnet msbuild "$root/tools/flow" -getProperty:Version)
date=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct 2> /dev/null || echo 1767225600)}
mkdir -p "$root/artifacts"
# Beside the archives, so that a finished one is renamed into place and not copied.
work=$(mktemp -d "$root/artifacts/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Lays out in $work/NAME what the archive of a platform holds.
lay_out() {
  local rid=$1 name=$2 published=$work/published-$1 folder=$work/$2 flow=./flow system= locked=false
  # Another SDK than the lock files were made with has another compiler to native code, and platforms without a lock file have none.
  [ -f "$(dotnet msbuild "$root/tools/flow" -getProperty:NuGetLockFilePath -p:RuntimeIdentifier="$rid" -p:_IsPublishing=true)" ] && locked=true
  dotnet publish "$root/tools/flow" -c Release -r "$rid" -o "$published" -m:1 -p:RestoreLockedMode=$locked > "$work/log" 2>&1 || return 1
  case $rid in
    win-*) flow='.\flow' system=$'\nWindows may ask for the Visual C++ runtime (vc_redist), which most machines have.' ;;
    osx-*) system=$'\nWhere macOS refuses a downloaded program: xattr -d com.apple.quarantine *' ;;
    linux-*) system=$'\nIt takes glibc 2.34 or newer, as in Debian 12 and Ubuntu 22.04.' ;;
  esac
  mkdir "$folder"
  cp "$published"/* "$root/LICENSE" "$root/THIRD-PARTY-NOTICES.txt" "$root/exported-models/digits.onnx" "$folder"
  # The page that flow play serves, where get-runtime.sh has got what browsers compute with; without it --page names another.
  if [ -f "$root/docs/playground/runtime/runtime.js" ]; then
    mkdir -p "$folder/playground/runtime"
    cp "$root"/docs/playground/*.{html,js,css,svg} "$folder/playground"
    cp "$root/docs/playground/runtime/runtime.js" "$folder/playground/runtime"
  else
    echo "There is no docs/playground/runtime, which docs/playground/get-runtime.sh gets: the archive of $name has no page for flow play." >&2
  fi
  if $locked; then
    SOURCE_DATE_EPOCH=$date "$root/build/sbom.sh" "$work/sbom" "flow-$rid" > "$work/log" 2>&1 || return 1
    cp "$work/sbom/flow-$rid.cdx.json" "$folder/sbom.cdx.json"
  else
    echo "There is no lock file of $name made with this SDK: the archive gets no sbom.cdx.json." >&2
  fi
  local readme
  readme=$(< "$root/build/archive-readme.txt")
  readme=${readme//VERSION/$version}
  readme=${readme//RID/$rid}
  readme=${readme//FLOW/$flow}
  printf '%s\n' "${readme/SYSTEM/$system}" > "$folder/README.txt"
  find "$folder" -type d -exec chmod 755 {} +
  find "$folder" -type f -exec chmod 644 {} +
  chmod 755 "$folder"/flow*
  find "$folder" -exec env TZ=UTC touch -d "@$date" {} +
}

# Packs $work/NAME into the file of that name in artifacts.
pack() {
  local name=$1 file=$2
  cd "$work"
  case $file in
    *.zip) find "$name" | LC_ALL=C sort | TZ=UTC zip -q -9 -X -@ "$work/$file" ;;
    *) LC_ALL=C tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner -cf - "$name" | gzip -9 -n > "$work/$file" ;;
  esac
  mv "$work/$file" "$root/artifacts/$file"
}

megabytes() { stat -c %s "$@" | awk '{ sum += $1 } END { printf "%.1f MB", sum / 1e6 }'; }

failed=0
row='%-34s %10s %10s %14s\n'
printf "$row" 'artifacts/' archive program onnxruntime
for rid in "${rids[@]}"; do
  name=flow-$version-$rid
  case $rid in win-*) file=$name.zip ;; *) file=$name.tar.gz ;; esac
  if ! lay_out "$rid" "$name"; then
    failed=1
    rm -rf "${work:?}/$name"
    echo "$file is not made: $(grep -m 1 -o 'error [A-Z]*[0-9]*:.*' "$work/log" | sed 's/ \[.*//' || tail -n 1 "$work/log")" >&2
    continue
  fi
  (pack "$name" "$file")
  printf "$row" "$file" "$(megabytes "$root/artifacts/$file")" "$(megabytes "$work/$name"/flow{,.exe} 2> /dev/null || true)" \
    "$(megabytes "$work/$name"/*onnxruntime.{so,dll,dylib} 2> /dev/null || true)"
  rm -rf "${work:?}/$name" "$work/published-$rid"
done
exit $failed
