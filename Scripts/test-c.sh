#!/usr/bin/env bash
# Runs the checks that are written in C, built by `swift build -c release`: the vector kernels with every instruction set of
# this processor in one process, the functions for other
# languages, a cluster of one process, and how BLAS is loaded and shared. Where an emulator of x86-64 processors
# is there, BLAS is also tried on one that it does not know.
set -euo pipefail
cd "$(dirname "$0")/.."

programs=$(swift build -c release --show-bin-path)
"$programs/kernel-checks" Tests
"$programs/c-interface-checks"
"$programs/cluster-checks"
[ "$(uname -s)" = Linux ] || exit 0
"$programs/blas-checks"

# An Intel processor with AVX2 whose model number OpenBLAS 0.3.21 does not know; newer versions do.
if [ "$(uname -m)" = x86_64 ] && command -v qemu-x86_64 > /dev/null &&
  [ "$(dpkg-query -W -f '${source:Upstream-Version}' libopenblas0 2> /dev/null)" = 0.3.21+ds ]; then
  qemu-x86_64 -cpu Haswell,model=207 "$programs/blas-checks" --first Prescott --then Haswell 2> /dev/null
fi
