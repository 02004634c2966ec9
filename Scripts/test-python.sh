#!/usr/bin/env bash
# Tests the wheel as users have it: outside the source tree, without Swift on the path, in environments with NumPy alone, with the
# newest JAX, and with scikit-learn. PYTHON_ENVIRONMENTS says which; "oldjax" is jax 0.4.23, "torch" PyTorch with GPyTorch. With
# --install-only it makes the environments and tests nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
wheel=$(ls "$root"/Python/dist/*.whl 2> /dev/null | head -n 1)
[ -n "$wheel" ] || { echo "no wheel in Python/dist: make wheel builds it" >&2; exit 1; }

python=${PYTHON:-python3}
path=/usr/local/bin:/usr/bin:/bin
packages() {
  case $1 in
    plain) echo "numpy pytest" ;;
    jax) echo "numpy pytest jax" ;;
    oldjax) echo "numpy<2 scipy<1.13 pytest jax==0.4.23 jaxlib==0.4.23" ;;
    sklearn) echo "numpy pytest scikit-learn pandas matplotlib" ;;
    torch) echo "numpy pytest torch gpytorch" ;;
    *) echo "expected an environment of plain, jax, oldjax, sklearn and torch, found $1" >&2; return 1 ;;
  esac
}

for name in ${PYTHON_ENVIRONMENTS:-plain jax sklearn}; do
  environment=$root/.venv-python/$name
  echo "== Python tests with $name"
  [ -x "$environment/bin/python" ] || "$python" -m venv "$environment"
  # shellcheck disable=SC2046
  "$environment/bin/pip" install -q --disable-pip-version-check $(packages "$name")
  "$environment/bin/pip" install -q --disable-pip-version-check --force-reinstall --no-deps "$wheel"
  [ "${1:-}" = --install-only ] && continue
  (cd / && env -i PATH=$path HOME="$HOME" TEST_ENVIRONMENT="$name" "$environment/bin/python" -m pytest -q -p no:cacheprovider \
    -o addopts= --rootdir="$root/Python" "$root/Python/tests")
done
