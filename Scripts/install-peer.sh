#!/usr/bin/env bash
# Puts the Python library that benchmarks compare with into the virtual environment .venv-peer. Benchmarks run without
# it too: when it cannot be installed, one line says why and the exit status is still 0.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
  rm -rf .venv-peer
  echo "install-peer: $*; benchmarks will not be compared" >&2
  exit 0
}

[ -x .venv-peer/bin/python ] && .venv-peer/bin/python -c 'import neural_tangents' 2> /dev/null && exit 0

# jaxlib 0.4.23 exists for these versions of Python.
python=""
for candidate in python3.11 python3.12 python3.10 python3.9 python3; do
  if command -v "$candidate" > /dev/null &&
    "$candidate" -c 'import sys, venv, ensurepip; sys.exit(not (3, 9) <= sys.version_info[:2] <= (3, 12))' 2> /dev/null; then
    python=$candidate
    break
  fi
done
[ -n "$python" ] || skip "Python 3.9 to 3.12 with the venv module is needed and not there"

echo "install-peer: installing neural-tangents 0.6.5 for Python into .venv-peer"
rm -rf .venv-peer
"$python" -m venv .venv-peer || skip "a virtual environment cannot be made"
.venv-peer/bin/python -m pip install --quiet --disable-pip-version-check \
  'jax==0.4.23' 'jaxlib==0.4.23' 'neural-tangents==0.6.5' 'numpy<2' 'scipy<1.12' || skip "pip failed"
.venv-peer/bin/python -c 'import neural_tangents' 2> /dev/null || skip "neural_tangents cannot be imported"
