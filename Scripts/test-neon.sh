#!/usr/bin/env bash
# Builds the vector kernels and their checks for arm64 and runs them: in an emulator, or on an arm64 machine as they are.
set -euo pipefail
cd "$(dirname "$0")/.."
Scripts/install-neon.sh

# The toolchain's own clang: the kernels are to be compiled as SwiftPM compiles them.
compiler=$(dirname "$(readlink -f "$(command -v swift)")")/clang
[ -x "$compiler" ] || compiler=clang
folder=.build-neon
flags=(-O2 -std=gnu11)
for headers in Sources/CVectorKernels/*/; do flags+=("-I$headers"); done
libraries=(-lsleef -lm)
run=()
if [ "$(uname -m)" != aarch64 ]; then
  arm64=$folder/arm64/usr
  gcc=$(find /usr/lib/gcc-cross/aarch64-linux-gnu -mindepth 1 -maxdepth 1 | sort -V | tail -n 1)
  flags+=(--target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include "-I$arm64/include/aarch64-linux-gnu")
  libraries=(--target=aarch64-linux-gnu "--gcc-install-dir=$gcc" "-L$arm64/lib/aarch64-linux-gnu" "${libraries[@]}")
  run=(qemu-aarch64 -L /usr/aarch64-linux-gnu -E "LD_LIBRARY_PATH=$PWD/$arm64/lib/aarch64-linux-gnu")
fi

# An object per source, compiled again when any header is newer.
objects=()
newest=$(find Sources/CVectorKernels Tests/CVectorKernelsTests -name '*.h' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d' ' -f2-)
while IFS= read -r source; do
  object=$folder/objects/${source%.c}.o
  objects+=("$object")
  if [ ! "$object" -nt "$source" ] || [ ! "$object" -nt "$newest" ]; then
    mkdir -p "$(dirname "$object")"
    printf '%s\0%s\0' "$source" "$object"
  fi
done < <(find Sources/CVectorKernels Tests/CVectorKernelsTests -name '*.c' | sort) > "$folder/work"
# xargs appends a source and its object to the compiler and its flags.
xargs -0 -r -n 2 -P "$(nproc)" bash -c '"${@:1:$#-2}" -c "${@: -2:1}" -o "${@: -1}"' compile "$compiler" "${flags[@]}" \
  < "$folder/work"
"$compiler" "${objects[@]}" "${libraries[@]}" -o "$folder/kernel-checks"
"${run[@]}" "$folder/kernel-checks" Tests
