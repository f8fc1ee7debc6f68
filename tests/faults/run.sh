#!/usr/bin/env bash
# What flow and flow-train do under faults: killed at random moments and at each step of writing a file, a full disk, folders that cannot be written
# or are removed, too little memory, a clock that jumps, a pipe whose reader goes. After each fault the script checks exit code, message and files, lets
# the work go on, and compares what comes out with that of a run that was let be, byte for byte. Prints a line for each fault and program.
# On Debian or Ubuntu, about ten minutes on two quiet cores; not in CI. Needs root or user namespaces for small file systems of its own, and:
#   apt-get install strace faketime bsdutils util-linux mawk
# Run it as: tests/faults/run.sh [--only signals,steps,disk,readonly,memory,clock,pipe] [FLOW]
# FLOW is the flow program, and FLOW_TRAIN in the environment the trainer; without them they are built and run by dotnet. Also in the environment:
# FAULTS_SEED (1) seeds the moments, FAULTS_TIMES (1) multiplies the repetitions; for a slow machine, FAULTS_SIZE (100) is the size of the works in
# percent, and FAULTS_PATIENCE (300) the seconds after which a command counts as hanging.
set -uo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
sections=signals,steps,disk,readonly,memory,clock,pipe
if [ "${1:-}" = --only ]; then sections=$2; shift 2; fi
for program in strace faketime script awk setpriv; do
    command -v $program > /dev/null || { echo "$program is missing: install the packages that the head of this script names." >&2; exit 1; }
done
if [ "$(id -u)" != 0 ] && [ -z "${FAULTS_INSIDE:-}" ]; then
    FAULTS_INSIDE=1 exec unshare --user --map-root-user --mount "$0" --only "$sections" "$@"
fi
if [ $# -gt 0 ]; then
    flow=("$(realpath "$1")")
else
    dotnet build "$root/tools/flow" -c Release --verbosity quiet || exit 1
    flow=(dotnet "$(find "$root/tools/flow/bin/Release" -name flow.dll -not -path '*/publish/*' | head -n 1)")
fi
if [ -n "${FLOW_TRAIN:-}" ]; then
    train=("$(realpath "$FLOW_TRAIN")")
else
    dotnet build "$root/training/flow-train" -c Release --verbosity quiet || exit 1
    train=(dotnet "$(find "$root/training/flow-train/bin/Release" -name flow-train.dll -not -path '*/publish/*' | head -n 1)")
fi

work=$(mktemp -d)
disk=$work/disk here=$work/here
mkdir "$disk"
cleanup() {
    cd /
    for at in "$disk" "$work"/disk.*; do mountpoint -q "$at" 2> /dev/null && umount -l "$at"; done
    [ -n "${group:-}" ] && rmdir "$group" 2> /dev/null
    rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
multiple=${FAULTS_TIMES:-1} percent=${FAULTS_SIZE:-100} patience=${FAULTS_PATIENCE:-300} seed=${FAULTS_SEED:-1} draws=0
cp "$root"/exported-models/moons.onnx moons.onnx
cp "$root"/exported-models/digits.onnx digits.onnx
moons=$work/moons.onnx digits=$work/digits.onnx

# A number between two, the next of the seed's sequence.
moment() {
    draws=$((draws + 1))
    moment=$(awk -v seed="$seed" -v draw="$draws" -v low="$1" -v high="$2" 'BEGIN { srand(seed * 1000003 + draw); rand(); printf "%.3f", low + (high - low) * rand() }')
}
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.3f", b - a }'; }

# The table.
failures=0
begin() { fault=$1 program=$2 times=0 wrong=0; lost=${3:-nothing}; }
wrong() { wrong=$((wrong + 1)); echo "    WRONG ($fault, $program): $*"; }
end() {
    local survived="$((times - (wrong > times ? times : wrong))) of $times"
    [ $wrong = 0 ] || failures=$((failures + 1))
    printf '%-34s %-34s %5d  %-10s %s\n' "$fault" "$program" "$times" "$survived" "$lost"
}
has() { case ,$sections, in *,$1,*) ;; *) return 1 ;; esac; }

# What was said on stderr is one line, with these words.
says() { # FILE WORDS
    [ "$(wc -l < "$1")" = 1 ] && grep -q -- "$2" "$1" || wrong "said '$(head -c 400 "$1" | tr '\n' '|')' instead of one line with '$2'"
}
code() { # EXPECTED ACTUAL
    [[ " $1 " == *" $2 "* ]] || wrong "exit code $2 instead of $1: $(head -c 300 err | tr '\n' '|')"
}

undated() { LC_ALL=C sed -E 's/"date": ?"[^"]*"//' "$1"; } # a card tells the day of its training
# Whether two files hold the same, but for what tells of a run besides its results: dates, times, speeds.
equal() {
    case $1 in
        *.flow.json|*/config.json) cmp -s "$1" "$2" ;;
        *.json) head -c 1 "$2" | grep -q '{' && tail -c 2 "$2" | grep -q '}' && grep -q '"report"' "$2" ;;
        *.onnx) cmp -s <(undated "$1") <(undated "$2") ;;
        *.html) tail -c 20 "$2" | grep -q '</html>' ;;
        */metrics.jsonl) cmp -s <(sed 's/,"steps_per_second":[^,}]*//' "$1") <(sed 's/,"steps_per_second":[^,}]*//' "$2") ;;
        *) cmp -s "$1" "$2" ;;
    esac
}
files() { (cd "$1" && find . -type f -not -path '*/tensorboard/*' | sort); }
# After a fault: whatever has its final name is whole, the new one or the old one.
sound() {
    local file
    for file in $(files "$here" | grep -v -e '\.partial' -e '\.new$' -e /checkpoints/ -e metrics.jsonl -e pictures/model -e run.lock); do # a lock that a killed process leaves holds nobody
        [ -e "$whole/$file" ] && equal "$whole/$file" "$here/$file" && continue
        [ -e "$old/$file" ] && cmp -s "$old/$file" "$here/$file" && continue
        wrong "after the fault $file is neither the old nor the new one"
    done
    for file in $(files "$old"); do [ -e "$here/$file" ] || wrong "the old $file is lost"; done
}
# After going on: the same files with the same content, and no others.
same() {
    local file
    diff <(files "$whole") <(files "$here") > differences || wrong "other files in the end: $(grep '^[<>]' differences | tr '\n' ' ')"
    for file in $(files "$whole"); do equal "$whole/$file" "$here/$file" || wrong "$file differs from that of the run that was let be"; done
}
start_over() { rm -rf "${here:?}"/* 2> /dev/null; mkdir -p "$here"; cp -r "$old"/. "$here"/; }
go_on() { again; timeout "$patience" "${command[@]}" > out 2> err < /dev/null; local ended=$?; [ $ended = 0 ] || grep -q "holds a finished run" err || wrong "going on ended with $ended: $(head -c 300 err | tr '\n' '|')"; }

# The works. Each sets the command that does it ('first') and the one that goes on with it ('again') in $here; $old holds what is there before.
work_of() {
    kind=$1 old=$work/old.$1 whole=$work/whole.$1
    [ -d "$old" ] || { mkdir "$old"; before; }
}
before() {
    case $kind in
        tune*) cp "$moons" "$old/m.onnx" ;;
        export) cp "$moons" "$old/out.onnx" ;;
        card) echo '{"old": true}' > "$old/m.flow.json" ;;
    esac
}
first() {
    case $kind in
        sample.*) command=("${flow[@]}" sample "$moons" --count "${rows[$kind]:-400}" --seed 7 --quality fine --workers 1 --slots 16 --out "$here/a.${kind#sample.}") ;;
        folder) command=("${flow[@]}" sample "$digits" --count "${rows[folder]:-30}" --seed 7 --workers 1 --slots 16 --out "$here/a/") ;;
        tune) command=("${flow[@]}" tune "$here/m.onnx" --samples 32) ;;
        card) command=("${flow[@]}" card "$moons" --out "$here/m.flow.json") ;;
        join) command=("${flow[@]}" join "$work"/parts/part-*.npy --out "$here/joined.npy") ;;
        run) command=("${train[@]}" run --data moons --no-tune --steps 60 --seed 3 --set training.checkpoint_every=20 --set pictures.every=30 --set training.threads=1
                 --set network.width=16 --set network.blocks=1 --set training.batch_size=32 --out "$here/run") ;;
        export) command=("${train[@]}" export "$work/whole.run/run" --no-tune --out "$here/out.onnx") ;;
    esac
}
again() {
    first
    case $kind in
        sample.*|folder|join) command+=(--resume) ;;
        run) if [ -e "$here/run/weights.safetensors" ] || compgen -G "$here/run/checkpoints/step-*.safetensors" > /dev/null; then command=("${train[@]}" resume "$here/run" --no-tune); fi ;;
    esac
}
declare -A rows=() seconds=()
# Does a work without a fault, and keeps what comes out.
undisturbed() {
    work_of "$1"
    [ -d "$whole" ] && return
    local usual=$here
    here=$work/made
    start_over; first
    local started; started=$(now)
    timeout "$patience" "${command[@]}" > out 2> err < /dev/null || { echo "The work '$1' fails without a fault: $(cat err)" >&2; exit 1; }
    seconds[$1]=$(since "$started")
    mv "$here" "$whole"
    here=$usual
}
parts() { # of the job that join joins
    [ -d parts ] && return
    mkdir parts
    for i in 0 1 2; do "${flow[@]}" sample "$moons" --count 300000 --method euler --steps 2 --shard $i/3 --out parts/part-$i.npy > /dev/null || exit 1; done
}
kept() { sed -n 's/.*"done": *\([0-9]*\).*/\1/p' "$here"/*.partial.json "$here"/a/*.partial.json 2> /dev/null | head -n 1; }

# --- Signals at random moments ---
signalled() { # SIGNAL KIND REPETITIONS KILLS LOST
    undisturbed "$2"
    begin "SIG$1 at random moments" "$2" "${5:-nothing}"
    local least=- most=- have
    for ((i = 0; i < $3 * multiple; i++)); do
        start_over
        for ((j = 0; j < $4; j++)); do
            if [ $j = 0 ]; then first; else again; fi
            env --default-signal=INT,TERM,HUP "${command[@]}" > out 2> err < /dev/null &
            moment 0.1 "${seconds[$2]}"
            sleep "$moment"
            kill -"$1" $! 2> /dev/null
            wait $! 2> /dev/null
            local ended=$?
            times=$((times + 1))
            case $1 in
                KILL) code "0 137" $ended ;;
                # 128 + signal: it came before the program had begun to listen.
                *) grep -q "holds a finished run" err || code "0 130 $((128 + $(kill -l "$1")))" $ended
                   [ $ended = 130 ] && [ -s err ] && says err "^Interrupted\." ;;
            esac
            sound
            have=$(kept)
            [ -n "$have" ] && { [ "$least" = - ] || [ "$have" -lt "$least" ]; } && least=$have
            [ -n "$have" ] && { [ "$most" = - ] || [ "$have" -gt "$most" ]; } && most=$have
        done
        go_on; same
    done
    [ "$most" = - ] || lost="$lost; $least to $most of ${rows[$2]:-900000} rows were kept"
    end
}
if has signals || has steps || has disk; then parts; fi
long_works() { rows=([sample.npy]=$((600 * percent)) [sample.csv]=$((400 * percent)) [sample.png]=$((400 * percent)) [folder]=$((30 * percent))); rm -rf whole.sample.* whole.folder; }
short_works() { rows=([folder]=3); rm -rf whole.sample.* whole.folder; }
long_works
printf '%-34s %-34s %5s  %-10s %s\n' fault program times 'as it should' 'what was lost'
if has signals; then
    since_checkpoint="rows since the last checkpoint"
    signalled KILL sample.npy 3 2 "$since_checkpoint"
    signalled KILL sample.csv 2 2 "$since_checkpoint"
    signalled KILL sample.png 2 1 "$since_checkpoint"
    signalled KILL folder 2 2 "$since_checkpoint"
    signalled TERM sample.npy 2 2
    signalled INT sample.csv 2 2
    signalled HUP sample.npy 1 2
    signalled TERM folder 2 1
    for signal in KILL TERM INT; do
        signalled $signal tune 2 1 "the measuring"
        signalled $signal card 3 1
        signalled $signal join 2 1 "$([ $signal = KILL ] && echo "$since_checkpoint" || echo nothing)"
        signalled $signal run 2 2 "$([ $signal = KILL ] && echo "steps since the last checkpoint" || echo nothing)"
    done
    undisturbed run
    for signal in KILL TERM INT; do signalled $signal export 1 1; done
fi

# --- Killed, or a failing device, at each step of writing ---
at_each_step() { # CALL ACTION KIND MOST
    undisturbed "$3"
    begin "$2 at each $1" "$3"
    for ((step = 1; step <= $4; step++)); do
        start_over; first
        local inject; [ "$2" = SIGKILL ] && inject=signal=KILL || inject=error=$2
        (timeout "$patience" strace -f -qq -o /dev/null -e "trace=$1" -e "inject=$1:$inject:when=$step" "${command[@]}" > out 2> err < /dev/null; exit $?) 2> /dev/null
        local ended=$?
        [ $ended = 0 ] && break
        times=$((times + 1))
        if [ "$2" = SIGKILL ]; then code 137 $ended; else code 1 $ended; says err .; fi
        sound
        go_on; same
    done
    end
}
if has steps; then
    short_works
    for kind in sample.npy sample.csv sample.png folder join tune card; do
        for call in rename fsync; do
            at_each_step $call SIGKILL $kind 12
            at_each_step $call EIO $kind 12
        done
    done
    undisturbed run
    at_each_step rename SIGKILL export 6
    at_each_step rename EIO export 6
    at_each_step rename SIGKILL run 20
    at_each_step fsync EIO run 3
    long_works
fi

# --- A full disk ---
on_disk() { mountpoint -q "$disk" && umount -l "$disk"; mount -t tmpfs -o "size=$1" none "$disk" || { echo "This system lets nobody mount a file system: skipped." >&2; return 1; }; }
too_small() { # KIND SIZE... : the work fails on disks of these sizes, and goes on where there is room
    undisturbed "$1"
    begin "disk too small" "$1" "${lost_on_disk:-nothing}"
    here=$disk
    for size in "${@:2}"; do
        on_disk "$size" || return
        start_over; first
        timeout "$patience" "${command[@]}" > out 2> err < /dev/null
        local ended=$?
        times=$((times + 1))
        code "0 1" $ended
        [ $ended = 1 ] && says err "[Nn]o space left\|free some space"
        sound
        mount -o remount,size=64m "$disk"
        go_on; same
    done
    here=$work/here
    end
}
filled() { # KIND REPETITIONS: another program fills the disk meanwhile
    undisturbed "$1"
    begin "disk filled in the midst" "$1" "rows since the last checkpoint"
    here=$disk
    for ((i = 0; i < $2 * multiple; i++)); do
        on_disk 16m || return
        start_over; first
        timeout "$patience" "${command[@]}" > out 2> err < /dev/null &
        moment 0.3 "${seconds[$1]}"
        sleep "$moment"
        dd if=/dev/zero of="$disk/.filler" bs=4k 2> /dev/null
        wait $!
        local ended=$?
        times=$((times + 1))
        rm -f "$disk/.filler"
        code "0 1" $ended
        [ $ended = 1 ] && says err "free some space"
        sound
        go_on; same
    done
    here=$work/here
    end
}
if has disk; then
    for kind in sample.npy sample.csv sample.png; do too_small $kind 64k 400k; done
    too_small folder 128k 900k
    too_small join 64k 1m
    too_small card 4k
    too_small tune 196k 380k
    undisturbed run
    too_small export 196k 204k
    lost_on_disk="steps since the last checkpoint"
    too_small run 12k 48k 80k 128k 256k 512k 768k 1m
    for kind in sample.npy sample.csv folder; do filled $kind 2; done
fi

# --- What cannot be written ---
if has readonly; then
    short_works
    for each in sample.npy sample.csv sample.png folder tune card join run export; do # the works have a variable kind of their own
        parts; undisturbed run; undisturbed $each
        begin "read-only file system" $each
        here=$disk
        on_disk 64m || break
        start_over; first
        mount -o remount,ro "$disk"
        timeout "$patience" "${command[@]}" > out 2> err < /dev/null; code 2 $?
        times=1
        says err "[Rr]ead-only"
        sound
        mount -o remount,rw "$disk"
        go_on; same
        here=$work/here
        end
    done
    begin "run folder becomes read-only" "resume"
    kind=run old=$work/old.run whole=$work/whole.run here=$disk
    on_disk 64m && {
        start_over; first
        env --default-signal=INT "${command[@]}" > out 2> err < /dev/null &
        until compgen -G "$here/run/checkpoints/step-00000020*" > /dev/null || ! kill -0 $! 2> /dev/null; do sleep 0.02; done
        kill -KILL $! 2> /dev/null; wait $! 2> /dev/null
        mount -o remount,ro "$disk"
        again
        timeout "$patience" "${command[@]}" > out 2> err < /dev/null; code "1 2" $?
        times=1
        says err "[Rr]ead-only"
        mount -o remount,rw "$disk"
        go_on; same
    }
    here=$work/here
    end
    # Another user, who may read and not write. For root alone; the programs must lie where others may read them.
    chmod 755 "$work"
    if setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent "${flow[@]}" inspect "$moons" > /dev/null 2>&1; then
        for kind in sample.npy folder tune card run; do
            undisturbed $kind
            begin "files of another user" $kind
            start_over; first
            timeout "$patience" setpriv --reuid 65534 --regid 65534 --clear-groups env HOME=/nonexistent "${command[@]}" > out 2> err < /dev/null; code 2 $?
            times=1
            says err "denied"
            sound
            end
        done
    else
        echo "Other users cannot run the programs where they lie: files of another user are skipped."
    fi
    long_works
    for kind in sample.npy sample.csv folder run; do
        undisturbed $kind
        begin "folder removed in the midst" $kind "what was in it"
        for ((i = 0; i < 2 * multiple; i++)); do
            here=$work/removed
            start_over; first
            timeout "$patience" "${command[@]}" > out 2> err < /dev/null &
            moment 0.5 "${seconds[$kind]}"
            sleep "$moment"
            # 2 says that nothing was begun.
            if compgen -G "$here/*.partial" > /dev/null || compgen -G "$here/a/*.partial" > /dev/null || [ -e "$here/run/metrics.jsonl" ]; then codes="0 1"; else codes="0 1 2"; fi
            rm -rf "$here"
            wait $!
            ended=$?
            times=$((times + 1))
            code "$codes" $ended
            [ $ended = 0 ] || says err .
        done
        here=$work/here
        end
    done
fi

# --- Too little memory ---
if has memory; then
    parts
    short_works
    bounded() { # BOUND SIZE... : the works under bounds of these sizes, in MiB
        for kind in sample.npy folder tune run; do
            undisturbed $kind
            begin "$1 limited" $kind
            died=0 told=0 done=0
            for size in "${@:2}"; do
                start_over; first
                (ulimit -c 0
                 case $1 in 'address space') ulimit -v $((size * 1024)) ;; *) export DOTNET_GCHeapHardLimit=$(printf '0x%x' $((size << 20))) ;; esac
                 timeout "$patience" "${command[@]}" > out 2> err < /dev/null; exit $?) 2> /dev/null
                ended=$?
                times=$((times + 1))
                case $ended in 0) done=$((done + 1)) ;; 1|2) told=$((told + 1)); [ "$(wc -l < err)" = 1 ] || says err . ;; 134|137|139) died=$((died + 1)) ;; *) wrong "exit code $ended" ;; esac
                sound
            done
            go_on; same
            lost="nothing: $done went through, $told refused in a line, $died ended by the runtime"
            end
        done
    }
    bounded "address space" 400 700 1000 1400 2000 3000 6000
    bounded "heap of .NET" 4 8 12 16 24 48 96
    # Killed by the system where its group has no more; a swap would only make it slow.
    group=""
    if [ -w /sys/fs/cgroup/memory ] && mkdir "/sys/fs/cgroup/memory/faults.$$" 2> /dev/null; then
        group=/sys/fs/cgroup/memory/faults.$$ limit=memory.limit_in_bytes
    elif [ -w /sys/fs/cgroup ] && grep -q memory /sys/fs/cgroup/cgroup.subtree_control 2> /dev/null && mkdir "/sys/fs/cgroup/faults.$$" 2> /dev/null; then
        group=/sys/fs/cgroup/faults.$$ limit=memory.max
    fi
    if [ -n "$group" ]; then
        for kind in sample.npy run; do
            undisturbed $kind
            begin "killed by its memory group" $kind "$([ $kind = run ] && echo steps || echo rows) since the last checkpoint"
            for ((i = 0; i < 5 * multiple; i++)); do
                start_over; first
                if [ $kind = run ]; then moment 60 250; else moment 15 60; fi
                echo "${moment%.*}M" > "$group/$limit"
                (echo "$BASHPID" > "$group/cgroup.procs"; timeout "$patience" "${command[@]}" > out 2> err < /dev/null; exit $?) 2> /dev/null
                ended=$?
                times=$((times + 1))
                code "0 1 137 134" $ended
                sound
                go_on; same
            done
            end
        done
    else
        echo "Groups of processes cannot be made here: a kill by the memory group is skipped."
    fi
fi

# --- A clock that jumps ---
# The monotonic clock is left alone, as a real jump leaves it.
if has clock; then
    long_works
    library=$(find /usr/lib -name libfaketimeMT.so.1 | head -n 1)
    fake=(env "LD_PRELOAD=$library" FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 "FAKETIME_TIMESTAMP_FILE=$work/clock")
    for jump in +3d -3d; do
        echo '+0' > clock
        "${fake[@]}" sh -c "date +%s; echo '$jump' > '$work/clock'; date +%s" > out
        [ "$(awk 'NR == 1 { a = $1 } NR == 2 { d = $1 - a; print (d > 200000 || d < -200000) }' out)" = 1 ] || { echo "The clock cannot be faked here." >&2; failures=$((failures + 1)); }
        undisturbed sample.npy
        begin "clock jumps by $jump" sample.npy
        start_over; first
        echo '+0' > clock
        started=$(now)
        # On a terminal, for the time that is left.
        script -qec "$(printf '%q ' "${fake[@]}" "${command[@]}")" screen > /dev/null 2>&1 < /dev/null &
        moment 0.5 "${seconds[sample.npy]}"; sleep "$moment"; echo "$jump" > clock
        wait $!; ended=$?
        took=$(since "$started")
        times=1
        code 0 $ended
        same
        reported=$(sed -n 's/.*"seconds": *\([-0-9.e+]*\).*/\1/p' "$here/a.json" | head -n 1)
        [ "$(awk -v r="$reported" -v t="$took" 'BEGIN { print (r > 0 && r <= t) }')" = 1 ] || wrong "reports $reported s of $took s"
        # A time by the wrong clock would count days.
        tr -c '[:print:]' '\n' < screen | grep -aoE -- '-?[0-9][0-9.a-z ]* left' > left
        if [ -s left ]; then
            ! grep -q '^-' left && tail -n 1 left | grep -qE '^[0-9.]+ m?s left' || wrong "shows a wild time that is left: $(tail -n 1 left)"
        elif [ "$(awk -v t="$took" 'BEGIN { print t > 2 }')" = 1 ]; then
            wrong "shows no time that is left"
        fi
        end

        begin "clock jumps by $jump" "run --minutes"
        start_over; kind=run; first
        for i in "${!command[@]}"; do case ${command[i]} in --steps) command[i]=--minutes ;; 60) command[i]=0.1 ;; esac; done
        echo '+0' > clock
        started=$(now)
        timeout "$patience" "${fake[@]}" "${command[@]}" > out 2> err < /dev/null &
        until [ -s "$here/run/metrics.jsonl" ] || ! kill -0 $! 2> /dev/null; do sleep 0.05; done
        sleep 1; echo "$jump" > clock
        wait $!; ended=$?
        took=$(since "$started")
        times=1
        code 0 $ended
        [ "$(awk -v t="$took" 'BEGIN { print (t >= 6) }')" = 1 ] || wrong "ended after $took s instead of at least 6 s"
        [ "$(wc -l < "$here/run/metrics.jsonl")" -gt 2 ] || wrong "trained hardly at all"
        sed 's/.*"steps_per_second":\([-0-9.eE+]*\).*/\1/' "$here/run/metrics.jsonl" | awk '!($1 > 0 && $1 < 1e6) { bad = 1 } END { exit bad }' || wrong "reports speeds that are none"
        end
    done
    # A run that is gone on with under an earlier clock: TensorBoard reads event files in the order of their names.
    undisturbed run
    begin "clock goes back before resume" run
    kind=run old=$work/old.run whole=$work/whole.run
    start_over; first
    "${command[@]}" > out 2> err < /dev/null &
    until compgen -G "$here/run/checkpoints/step-00000020*" > /dev/null || ! kill -0 $! 2> /dev/null; do sleep 0.02; done
    kill -KILL $! 2> /dev/null; wait $! 2> /dev/null
    echo '-3d' > clock
    again
    timeout "$patience" "${fake[@]}" "${command[@]}" > out 2> err < /dev/null; code 0 $?
    times=1
    same
    newest=$(ls -t "$here"/run/tensorboard | head -n 1) last=$(ls "$here"/run/tensorboard | sort | tail -n 1)
    [ "$newest" = "$last" ] || wrong "the events told last, $newest, stand before $last"
    end
fi

# --- A reader that goes, and outputs that take nothing ---
if has pipe; then
    lines_then_quiet() { # PROGRAM EXPECTED COMMAND...
        begin "reader of stdout goes" "$1"
        for ((i = 0; i < 3 * multiple; i++)); do
            { timeout 120 "${@:3}" 2> err; echo $? > ended; } | head -c 100 > /dev/null
            times=$((times + 1))
            code "$2" "$(cat ended)"
            [ "$(wc -l < err)" -le 1 ] || wrong "$(cat err)"
        done
        end
    }
    lines_then_quiet "sample --out - (csv)" 1 "${flow[@]}" sample "$moons" --count 200000 --out -
    lines_then_quiet "sample --out - (npy)" 1 "${flow[@]}" sample "$moons" --count 200000 --format npy --out -
    lines_then_quiet "inspect" 0 "${flow[@]}" inspect "$digits"
    lines_then_quiet "completion" 0 "${flow[@]}" completion bash
    rm -rf "$here"; mkdir -p "$here"
    lines_then_quiet "run" "0 2" "${train[@]}" run --data moons --no-tune --steps 20 --set network.width=16 --set training.batch_size=32 --out "$here/run"
    begin "stdout on a full disk" "sample --out -, inspect"
    for format in csv npy; do
        timeout 120 "${flow[@]}" sample "$moons" --count 20000 --format $format --out - > /dev/full 2> err; code 1 $?; says err "No space left"; times=$((times + 1))
    done
    timeout 120 "${flow[@]}" inspect "$moons" > /dev/full 2> err; code 1 $?; says err "No space left"; times=$((times + 1))
    end
    begin "stderr takes nothing" "errors of flow and flow-train"
    : > err
    timeout 120 "${flow[@]}" inspect nothing 2> /dev/full; code 2 $?
    timeout 120 "${flow[@]}" inspect nothing 2>&-; code 2 $?
    timeout 120 "${flow[@]}" inspect 2> /dev/full; code 2 $?
    timeout 120 "${train[@]}" resume nothing 2> /dev/full; code 2 $?
    times=4
    end
fi

[ $failures = 0 ] && echo "All ended as they should." || echo "$failures lines are not as they should be."
exit $((failures > 0))
