#!/usr/bin/env bash
# Links the C functions into one shared library without any dependency on Swift, and puts it into the Python package.
#
# build-python-library.sh [FLAG...]: flags for swift build. With SKIP_BUILD=1 it links what the tests in release have compiled.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -n "${SKIP_BUILD:-}" ] || swift build -c release --product NeuralTangentsC "$@"
build=$(swift build -c release "$@" --show-bin-path)
package=Python/src/swift_neural_tangents
# What the product is made of; folders of objects may hold those of files that are gone.
objects=$build/NeuralTangentsC.product/Objects.LinkFileList

if [ "$(uname)" = Darwin ]; then
  xargs swiftc -emit-library -o "$package/libneuraltangents.dylib" -framework Accelerate -lsleef < "$objects"
  exit
fi

# Everything local but the C functions, so that nothing in the process can meet what is in here, and without descriptions of stack
# frames, which only exceptions of C++ would look at. OpenBLAS is found beside the library when it is first used.
xargs swiftc -emit-library -static-stdlib -use-ld=lld -o "$package/libneuraltangents.so" \
  -Xlinker --version-script=Sources/NeuralTangentsC/exports.map -Xlinker --gc-sections -Xlinker -s -Xlinker --no-eh-frame-hdr \
  -Xlinker -rpath -Xlinker '$ORIGIN' -lsleef -ldl -lm < "$objects"
objcopy --remove-section=.eh_frame "$package/libneuraltangents.so"
openblas=$(ldconfig -p | sed -nE 's/.*libopenblas\.so\.0 .*=> (.*)/\1/p' | head -n 1)
[ -n "$openblas" ] || { echo "libopenblas.so.0 was not found (Debian: apt-get install libopenblas0)" >&2; exit 1; }
cp -L "$openblas" "$package/libopenblas.so.0"
chmod u+w "$package/libopenblas.so.0"
strip --strip-unneeded "$package/libopenblas.so.0"

size=$(stat -c %s "$package/libneuraltangents.so")
[ "$size" -le $((50 << 20)) ] || { echo "the library is larger than 50 MB: $size bytes" >&2; exit 1; }
