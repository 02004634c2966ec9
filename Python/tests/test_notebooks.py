"""Notebooks run from top to bottom."""

import json
import pathlib

import pytest

NOTEBOOKS = sorted((pathlib.Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(notebook):
    cells = ["".join(cell["source"]) for cell in json.loads(notebook.read_text())["cells"] if cell["cell_type"] == "code"]
    code = "\n".join(cells)
    for name in ("jax", "sklearn", "matplotlib"):
        if f"import {name}" in code or f"from {name}" in code:
            pytest.importorskip(name)
    if "matplotlib" in code:
        import matplotlib

        matplotlib.use("Agg")
    names = {}
    for cell in cells:
        exec(compile(cell, notebook.name, "exec"), names)


def test_there_are_notebooks():
    assert len(NOTEBOOKS) >= 6
