#!/usr/bin/env bash
# What is to be known of kernels on a card, in at most eight minutes, on a machine that has one and no Swift.
#
#   Scripts/gpu-check.sh prepare FOLDER     where there is Swift: writes everything that travels, about 50 MB
#   FOLDER/gpu-check.sh run [cuda|tpu|cpu] [REPORT]   there: plugin, devices, primitives, kernels, gradients, memory
#
# The machine needs jax[cuda13] of PyPI (or cuda12), which has the plugin and NVIDIA's libraries, or PLUGIN names a plugin. Every
# step adds its lines to the report before the next begins, so that a limit of time loses only the rest.
set -euo pipefail

prepare() {
  local folder=$1
  cd "$(dirname "$0")/.."
  mkdir -p "$folder"
  folder=$(cd "$folder" && pwd)
  # C alone, so that nothing of Swift is needed there.
  rm -rf "$folder/cases" "$folder/source"
  mkdir -p "$folder/source"
  cp Benchmarks/PjrtRun/*.[ch] Sources/CPjrt/*.[ch] Sources/CPjrt/include/*.h Sources/CPjrt/vendor/*.h "$folder/source/"
  build "$folder"
  swift build -c release --build-tests
  DEVICE_CASES=$folder/cases swift test -c release --skip-build --filter DeviceCaseWriter
  cp Scripts/gpu-check.sh "$folder/"
  du -sh "$folder"
}

build() { "${CC:-cc}" -O2 -I "$1/source" "$1"/source/*.c -o "$1/pjrt-run" -ldl -lm -lpthread; }

find_plugin() {
  python3 - "$1" << 'END'
import importlib.util, os, sys
found = []
if sys.argv[1] == "cuda":
    spec = importlib.util.find_spec("jax_plugins")
    for place in list(spec.submodule_search_locations) if spec else []:
        for kind in ("xla_cuda13", "xla_cuda12"):
            found.append(os.path.join(place, kind, "xla_cuda_plugin.so"))
else:
    name, file = {"tpu": ("libtpu", "libtpu.so"), "cpu": ("xla_plugins", "xla_cpu_pjrt/xla_cpu_pjrt.so")}[sys.argv[1]]
    spec = importlib.util.find_spec(name)
    found += [os.path.join(place, file) for place in list(spec.submodule_search_locations)] if spec else []
print(next((path for path in found if os.path.exists(path)), ""))
END
}

run() {
  local platform=${1:-cuda} report=${2:-gpu-report.txt}
  case $report in /*) ;; *) report=$PWD/$report ;; esac
  cd "$(dirname "$0")"
  local plugin=${PLUGIN:-$(find_plugin "$platform")}
  echo "$(date -u +%FT%TZ) $(uname -m) $(nproc) processors" >> "$report"
  command -v nvidia-smi > /dev/null &&
    nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader >> "$report" 2>&1
  if [ -z "$plugin" ]; then
    echo "FAILED: no plugin for $platform: install jax[cuda13], or set PLUGIN" | tee -a "$report" >&2
    exit 69
  fi
  # Another C library may be too old for what was built elsewhere.
  ./pjrt-run > /dev/null 2>&1 || [ $? = 64 ] || build .
  export TF_CPP_MIN_LOG_LEVEL=3
  # All together stay below eight minutes.
  step() {
    local limit=$1
    shift
    timeout "$limit" ./pjrt-run "$@" || echo "FAILED: step ended with status $?: ${*:1:1} ${*: -1}" | tee -a "$report"
  }
  step 135 run "$plugin" "$platform" "$report" cases/1-*
  for kernel in cases/2-*; do step 45 run "$plugin" "$platform" "$report" "$kernel"; done
  for gradient in cases/3-*; do step 25 run "$plugin" "$platform" "$report" "$gradient"; done
  [ "$platform" = cpu ] || step 60 memory "$plugin" "$platform" "$report"
  grep -c '^passed' "$report" | sed 's/$/ cases passed/'
  grep '^FAILED' "$report" || echo "none failed"
}

case ${1:-} in
prepare) prepare "${2:?a folder}" ;;
run) shift; run "$@" ;;
*) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit 64 ;;
esac
