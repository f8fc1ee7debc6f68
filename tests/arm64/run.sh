#!/usr/bin/env bash
# Every verb of flow on 64-bit ARM under emulation, against the same commands on x64: exit codes, and numbers to 1e-4.
# On x64 Debian or Ubuntu, about twenty minutes; not in CI. Needs:
#   apt-get install clang lld zlib1g-dev zip qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross binutils-aarch64-linux-gnu \
#     libstdc++6-arm64-cross libgcc-s1-arm64-cross
# Run it as: tests/arm64/run.sh [--published]     with --published it takes the archives that are in artifacts/ already.
# Emulation tells nothing of speed.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
for program in qemu-aarch64-static aarch64-linux-gnu-gcc awk od; do
    command -v $program > /dev/null || { echo "$program is missing: install the packages that the head of this script names." >&2; exit 1; }
done
[ "${1:-}" = --published ] || "$root/build/publish.sh" linux-x64 linux-arm64

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
for rid in x64 arm64; do
    tar xzf "$root"/artifacts/flow-*-linux-$rid.tar.gz
    mv flow-*-linux-$rid $rid
done

# ONNX Runtime asks /proc/cpuinfo what processor it is on, and crashes on the answer of another one: qemu shows it this.
mkdir -p sysroot/proc
ln -s /usr/aarch64-linux-gnu/lib sysroot/lib
cat > sysroot/proc/cpuinfo << 'CPU'
processor	: 0
BogoMIPS	: 108.00
Features	: fp asimd evtstrm crc32 cpuid
CPU implementer	: 0x41
CPU architecture: 8
CPU variant	: 0x0
CPU part	: 0xd08
CPU revision	: 3
CPU
on_x64() { "$work/x64/flow" "$@"; }
on_arm64() { qemu-aarch64-static -L "$work/sysroot" -cpu "$core" "$work/arm64/flow" "$@"; }

mkdir models
cp "$root"/exported-models/{digits,moons,mnist}.onnx models
cp "$root"/tests/arm64/exact.onnx models
cp models/digits.onnx models/cardless.onnx
sed -i 's/flow\.card/flow.cord/' models/cardless.onnx    # a name of the same length: the file stays sound

# The largest difference of the numbers of two files; nothing where they are no numbers.
difference() {
    case $1 in
        *.npy) cmp -s <(head -c 128 "$1") <(head -c 128 "$2") || { echo shape; return; }
               paste <(od -An -v -t f4 -w4 -j 128 "$1") <(od -An -v -t f4 -w4 -j 128 "$2") ;;
        *.csv) paste -d ' ' <(tr ',' '\n' < "$1") <(tr ',' '\n' < "$2") ;;
    esac | awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > most) most = d } END { printf "%.1e", most }'
}

failed=0
printf '%-12s %-5s %-5s %-9s %s\n' core files exit largest command
for core in cortex-a72 cortex-a53; do
    rm -rf out && mkdir -p out/x64 out/arm64
    for side in x64 arm64; do cp models/moons.onnx out/$side/tuned.onnx; done
    while IFS= read -r line; do
        case $line in ''|'#'*) continue ;; esac
        # What one command leaves is data for the next, so both work on the x64 program's files: they differ by what is computed here alone.
        declare -A code=()
        for side in x64 arm64; do
            read -ra words <<< "$line"
            for i in "${!words[@]}"; do
                word=${words[i]//\{models\}/$work/models}
                case ${words[i - 1 >= 0 ? i - 1 : 0]} in --in|--noise) word=${word//\{work\}/$work/out/x64} ;; esac
                words[i]=${word//\{work\}/$work/out/$side}
            done
            touch out/marker
            code[$side]=0
            "on_$side" "${words[@]}" > out/$side.stdout 2> out/$side.stderr < /dev/null || code[$side]=$?
        done
        files=0 largest=0
        for file in $(cd out/arm64 && find . -newer ../marker -type f \( -name '*.npy' -o -name '*.csv' -o -name '*.png' \)); do
            files=$((files + 1))
            if [[ $file == *.png ]]; then
                # Width and height stand in bytes 17 to 24.
                cmp -s <(head -c 24 "out/x64/$file") <(head -c 24 "out/arm64/$file") || largest=size
            else
                here=$(difference "out/x64/$file" "out/arm64/$file")
                largest=$(awk -v a="$largest" -v b="$here" 'BEGIN { print (b + 0 > a + 0 || b == "shape") ? b : a }')
            fi
        done
        ok=$(awk -v d="$largest" 'BEGIN { print d == "shape" || d == "size" || d > 1e-4 ? "no" : "yes" }')
        if [ "${code[arm64]}" != "${code[x64]}" ] || [ "${code[arm64]}" != 0 ] || [ "$ok" = no ]; then
            failed=$((failed + 1))
            tail -n 2 out/arm64.stderr
        fi
        printf '%-12s %-5s %-5s %-9s %s\n' "$core" "$files" "${code[arm64]}" "$largest" "$line"
    done < "$root/tests/arm64/commands.txt"
done
[ $failed = 0 ] && echo "All commands ended as on x64, and their numbers are within 1e-4." || echo "$failed commands failed or differ."
exit $((failed > 0))
