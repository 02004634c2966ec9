#!/usr/bin/env bash
# Installs the plugin that drives a kind of device, from packages of PyPI pinned by version and SHA-256:
#
#   Scripts/install-accelerator.sh cpu|cuda12|cuda13|tpu
#
# It goes into ~/.local/share/neural-tangents/plugins (or PLUGIN_FOLDER), where the library looks for it. The CUDA ones bring the
# libraries of NVIDIA that they need, and need a driver: 580 for cuda13, 525 for cuda12.
set -euo pipefail
cd "$(dirname "$0")"

device=${1:-}
case $device in
cpu | cuda12 | cuda13 | tpu) ;;
*)
  echo "install-accelerator: expected DEVICE=cpu, cuda12, cuda13 or tpu, found \"$device\"" >&2
  exit 64
  ;;
esac
python=${PYTHON:-python3}
command -v "$python" > /dev/null || { echo "install-accelerator: no $python, which brings the plugins" >&2; exit 69; }
folder=${PLUGIN_FOLDER:-$HOME/.local/share/neural-tangents/plugins}/$device
[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
"$folder/bin/python" -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  -r "accelerator/$device.txt"
find "$folder" -name '*.so' -size +20M | grep -E 'xla_c(uda_plugin|pu_pjrt)\.so|pjrt_c_api_cpu_plugin\.so|libtpu\.so' | while read -r plugin; do
  echo "installed $plugin"
done
