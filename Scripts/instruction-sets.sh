#!/usr/bin/env bash
# Prints the instruction sets of this machine that vector kernels exist for and that are not its best one: what
# NEURAL_TANGENTS_ISA must name for their tests to run, because the best one is tested by default.
set -euo pipefail

has() {
  if [ -r /proc/cpuinfo ]; then
    grep -qw "$1" /proc/cpuinfo
  else
    [ "$(sysctl -n "hw.optional.$2" 2> /dev/null || echo 0)" = 1 ]
  fi
}

[ "$(uname -m)" = x86_64 ] || exit 0
has avx2 avx2_0 || exit 0
echo baseline
if has avx512f avx512f && has avx512bw avx512bw && has avx512dq avx512dq && has avx512vl avx512vl; then echo avx2; fi
