#!/usr/bin/env bash
# Builds the benchmark and runs it, against the Python library where a virtual environment with it is given or found;
# then measures how the time grows and draws it, and keeps the page of the run as RESULTS.md. Arguments (--only TEXT,
# --quick, --cycles) go to the benchmark, and with any of them nothing is drawn or kept.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PEER_PYTHON:-}" ] && [ -x .venv-peer/bin/python ]; then export PEER_PYTHON=.venv-peer/bin/python; fi
swift build -c release --product benchmarks
programs=$(swift build -c release --show-bin-path)
if [ $# -gt 0 ]; then exec "$programs/benchmarks" --output benchmark-output "$@"; fi
swift build -c release --product neural-tangents
"$programs/benchmarks" --output benchmark-output

# said TITLE ARGUMENT...: a section of the page with what the program prints.
said() {
  local title=$1
  shift
  printf '\n## %s\n\n```text\n$ neural-tangents %s\n' "$title" "$*"
  "$programs/neural-tangents" "$@" 2> /dev/null | sed 's/[[:space:]]*$//'
  printf '```\n'
}

data=Sources/neural-tangents/Resources/Data
{
  cat benchmark-output/benchmark.md
  said "All digits in one command" demo --figure pooled
  for network in relu.json erf.yaml; do
    said "A fit of $network" fit "Examples/networks/$network" --train "$data/diabetes.csv" --target target --folds 10
  done
} > benchmark-output/RESULTS.md
mv benchmark-output/RESULTS.md Benchmarks/RESULTS.md
"$programs/neural-tangents" benchmark scaling --output benchmark-output
