#!/usr/bin/env bash
# Builds what is handed out twice, in clones at two places, and compares the bytes.
#   build/reproducible.sh [COMMIT] [RID...]      default: HEAD linux-x64
# Prints a line for each file, and of a file that differs what in it does. Ends with 0 if all are the same, 1 if one differs or
# is not made, 2 for a wrong call. Needs what build/publish.sh needs, git, unzip and some minutes.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
commit=$(git -C "$root" rev-parse --verify --quiet "${1:-HEAD}^{commit}") || { echo "There is no commit '${1:-HEAD}': give one, such as HEAD." >&2; exit 2; }
rids=("${@:2}")
[ ${#rids[@]} -gt 0 ] || rids=(linux-x64)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Clones into a folder and makes all there is to hand out in its packages and artifacts.
build() {
  local clone=$1
  git clone --quiet --no-hardlinks "$root" "$clone" && git -C "$clone" -c advice.detachedHead=false checkout --quiet "$commit" || return 1
  (
    cd "$clone" &&
      for project in runtime/FlowRuntime runtime/FlowRuntime.Extensions tools/flow; do
        dotnet pack "$project" -c Release -o packages -nodeReuse:false || exit 1
      done &&
      build/publish.sh "${rids[@]}"
  ) > "$clone.log" 2>&1 || { tail -n 20 "$clone.log" >&2; return 1; }
}

# Lists the contents of a package or archive with their sums.
contents() {
  local folder
  folder=$(mktemp -d -p "$work")
  case $1 in
    *.tar.gz) tar xzf "$1" -C "$folder" ;;
    *) unzip -q "$1" -d "$folder" ;;
  esac
  (cd "$folder" && find . -type f -exec sha256sum {} + | LC_ALL=C sort -k 2)
  rm -rf "$folder"
}

first=$work/one
second=$work/another-place/of-a-longer-name/two
mkdir -p "$(dirname "$second")"
build "$first" && build "$second" || { echo "A build failed; nothing is compared." >&2; exit 1; }

differ=0 same=0
while read -r file; do
  if cmp -s "$first/$file" "$second/$file"; then
    same=$((same + 1))
    echo "same     $(sha256sum "$first/$file" | cut -c 1-64)  $(basename "$file")"
  else
    differ=$((differ + 1))
    echo "differs  $(basename "$file")"
    diff <(contents "$first/$file") <(contents "$second/$file") | sed -n 's/^[<>] [0-9a-f]* */           /p' | sort -u
  fi
done < <({ cd "$first" && find packages artifacts -type f; cd "$second" && find packages artifacts -type f; } | LC_ALL=C sort -u)
echo "$same the same, $differ different"
[ $differ -eq 0 ] && [ $same -gt 0 ]
