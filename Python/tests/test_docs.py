"""Examples in docstrings and in the README run."""

import doctest
import importlib
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
MODULES = ["", ".stax", ".kernels", ".predict", ".batching", ".empirical", ".monte_carlo", "._library", ".sklearn", ".torch"]


@pytest.mark.parametrize("name", MODULES)
def test_docstrings(name):
    if name in (".sklearn", ".torch"):
        pytest.importorskip(name[1:])
    module = importlib.import_module("swift_neural_tangents" + name)
    found = doctest.testmod(module)
    assert found.failed == 0


def test_every_public_name_has_a_docstring():
    for name in MODULES[:7]:
        module = importlib.import_module("swift_neural_tangents" + name)
        for public in module.__all__:
            value = getattr(module, public)
            if callable(value):
                assert (value.__doc__ or "").strip(), public


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/pages").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page):
    for block in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
        for name in ("jax", "sklearn"):
            if name in block:
                pytest.importorskip(name)
        if "import neural_tangents" not in block:
            exec(compile(block, page.name, "exec"), {})
