#!/bin/bash
# A million samples in 16 shards on Slurm: sbatch slurm-array.sh, then flow join samples-*.npy --out samples.npy
#SBATCH --job-name=flow
#SBATCH --array=0-15
#SBATCH --cpus-per-task=2
#SBATCH --mem=2G
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=B:TERM@60
set -u
model=${MODEL:-moons.onnx}
out=${OUT:-samples}
count=${COUNT:-1000000}

# One that is preempted or out of time is begun again by Slurm with the same command, and goes on where it was.
flow sample "$model" --count "$count" --seed 7 --shard "$SLURM_ARRAY_TASK_ID/16" --threads "${SLURM_CPUS_PER_TASK:-1}" \
    --resume --out "$out-$SLURM_ARRAY_TASK_ID.npy" &
trap 'kill -TERM $!' TERM
wait $!
code=$?
# The signal ends the first wait early: the second one has the exit code.
if [ $code -gt 128 ]; then
    wait $!
    code=$?
fi
if [ $code -eq 130 ] && [ -n "${SLURM_JOB_ID:-}" ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
