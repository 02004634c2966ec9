"""What all tests share: inputs and fixtures of the Swift tests, which hold the same for both languages."""

import json
import pathlib
import sys

import numpy as np
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

FIXTURES = pathlib.Path(__file__).parents[2] / "Tests/NeuralTangentsTests/Fixtures"


def fixture(name):
    """The contents of a fixture of the Swift tests."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


def sine(shape, dtype=np.float64):
    return np.sin(0.37 * np.arange(np.prod(shape)) + 0.1).reshape(shape).astype(dtype)


def cosine(shape, dtype=np.float64):
    return np.cos(0.53 * np.arange(np.prod(shape)) + 0.2).reshape(shape).astype(dtype)


def array(entry):
    """An array of a fixture."""
    if entry is None:
        return None
    return np.array(entry["values"], dtype=entry.get("dtype", "float64")).reshape(entry["shape"])


def names(cases):
    return [case["name"] for case in cases]


@pytest.fixture
def rng():
    return np.random.default_rng(0)
