#!/usr/bin/env bash
# Builds the benchmark and runs it, against the Python library where a virtual environment with it is given or found.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -z "${PEER_PYTHON:-}" ] && [ -x .venv-peer/bin/python ]; then export PEER_PYTHON=.venv-peer/bin/python; fi
swift build -c release --product benchmarks
exec "$(swift build -c release --show-bin-path)/benchmarks"
