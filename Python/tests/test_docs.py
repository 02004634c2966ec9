"""Examples in docstrings and in the README run."""

import doctest
import importlib
import pathlib
import re

import pytest

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


def test_readme():
    text = (pathlib.Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        if "jax" in block:
            pytest.importorskip("jax")
        if "sklearn" in block:
            pytest.importorskip("sklearn")
        exec(compile(block, "README.md", "exec"), {})
