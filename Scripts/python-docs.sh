#!/usr/bin/env bash
# Builds the pages of the Python package, with a page per module made of its docstrings, in Python/docs/_build.
set -euo pipefail
cd "$(dirname "$0")/../Python"

environment=../.venv-python/docs
[ -x "$environment/bin/python" ] || python3 -m venv "$environment"
"$environment/bin/pip" install -q --disable-pip-version-check mkdocs 'mkdocstrings[python]' pymdown-extensions
"$environment/bin/mkdocs" build -q
echo "The documentation is in Python/docs/_build."
