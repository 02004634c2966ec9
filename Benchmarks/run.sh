#!/usr/bin/env bash
# Builds the benchmark and runs it, against the Python library where a virtual environment with it is given or found;
# then measures how the time grows and draws it. Arguments (--only TEXT, --quick, --cycles) go to the benchmark, and
# with any of them nothing is drawn.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PEER_PYTHON:-}" ] && [ -x .venv-peer/bin/python ]; then export PEER_PYTHON=.venv-peer/bin/python; fi
swift build -c release --product benchmarks
programs=$(swift build -c release --show-bin-path)
if [ $# -gt 0 ]; then exec "$programs/benchmarks" --output benchmark-output "$@"; fi
swift build -c release --product neural-tangents
"$programs/benchmarks" --output benchmark-output
"$programs/neural-tangents" benchmark scaling --output benchmark-output
