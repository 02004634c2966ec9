#!/usr/bin/env bash
# Compiles what the library writes for devices for an H200 that need not be there: every primitive, gradients, and the kernels of
# 21 layers and of Myrtle-10, of which it lists launches, temporaries and instructions per entry and layer. Needs x86-64 Linux,
# about 300 MB from PyPI, kept in .build-accelerator, and the tests as `swift build -c release --build-tests` builds them.
#
# It fails where a module does not compile, or the pooled kernel needs more than 3 launches a layer, or 170 instructions in
# float32.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$PWD/.build-accelerator
cases=$folder/cases
[ -x "$folder/venv/bin/python" ] || "${PYTHON:-python3}" -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install -q --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
  -r Scripts/accelerator/check.txt
packages=$(echo "$folder"/venv/lib/python3*/site-packages)
nvidia=$packages/nvidia/cu13
bin=$(swift build -c release --show-bin-path)
[ -x "$bin/pjrt-run" ] || { echo "accelerator-check: no $bin/pjrt-run; build first" >&2; exit 1; }

if [ -z "${KEEP_CASES:-}" ]; then
  rm -rf "$cases"
  DEVICE_CASES=$cases swift test -c release --skip-build --filter DeviceCaseWriter > "$folder/cases.log" 2>&1 ||
    { tail -20 "$folder/cases.log" >&2; exit 1; }
fi

# The assembler as the plugin calls it, with a copy of what it makes.
mkdir -p "$folder/wrapped" "$folder/machine-code"
cat > "$folder/wrapped/ptxas" << END
#!/bin/sh
"$nvidia/bin/ptxas" "\$@"
status=\$?
previous=
for argument in "\$@"; do
  [ "\$previous" = -o ] && cp "\$argument" "$folder/machine-code/\$\$.cubin" 2> /dev/null
  previous=\$argument
done
exit \$status
END
chmod +x "$folder/wrapped/ptxas" "$nvidia"/bin/* 2> /dev/null || true
export PATH=$folder/wrapped:$nvidia/bin:$PATH TF_CPP_MIN_LOG_LEVEL=3
# What the plugin would choose by trying on a card is left as it is.
base_flags="--xla_gpu_enable_triton_gemm=false --xla_gpu_autotune_level=0"

compile() {
  "$bin/pjrt-run" compile "$packages/jax_plugins/xla_cuda13/xla_cuda_plugin.so" Scripts/accelerator/h200.txtpb "$@" \
    2> >(grep -v -e '^I0000' -e '^WARNING: All log' >&2)
}

status=0
echo "Modules:"
XLA_FLAGS=$base_flags compile "$cases"/1-*/module.mlir | sed "s|$cases/||; s|/module.mlir||" || status=1

for kernel in "$cases"/[23]-*; do
  name=$(basename "$kernel")
  rm -rf "$folder/dump" "$folder"/machine-code/*
  echo "$name:"
  XLA_FLAGS="$base_flags --xla_dump_to=$folder/dump --xla_dump_hlo_as_text" compile "$kernel/module.mlir" |
    sed 's|.*module.mlir: |  |' || status=1
  Scripts/accelerator-report.py "$folder" "$nvidia/bin/nvdisasm" "$kernel/case.txt" "$name" || status=1
done
exit $status
