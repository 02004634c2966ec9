#!/usr/bin/env bash
# Opens stores with zarr and tensorstore of PyPI at every stage of a job, and compares what they read with what the program computes in
# memory. The program is the one that `swift build -c release` has built, or PROGRAM.
set -euo pipefail
cd "$(dirname "$0")/.."

program=${PROGRAM:-$(swift build -c release --show-bin-path)/neural-tangents}
[ -x "$program" ] || { echo "test-stores: no program at $program; make build makes it" >&2; exit 1; }
environment=.venv-python/stores
[ -x "$environment/bin/python" ] || "${PYTHON:-python3}" -m venv "$environment"
# The versions that the format was checked with, and later ones.
"$environment/bin/pip" install -q --disable-pip-version-check numpy 'zarr>=3.0' tensorstore
"$environment/bin/python" Scripts/test_stores.py "$program"
