"""Finite networks in JAX are those of the library, which are those of neural-tangents."""

import os

import numpy as np
import pytest
from conftest import array, fixture, names, sine

jax = pytest.importorskip("jax")
import jax.numpy as jnp

from swift_neural_tangents import stax

# JAX compiles every layer for every shape: a quarter of the networks by default, all of them with FUZZ=1.
STEP = 1 if os.environ.get("FUZZ") else 4
FINITE = fixture("finite")["networks"]
FINITE_LAYERS = fixture("finite-layers")["networks"][::STEP]


def _map(function, tree):
    if isinstance(tree, (list, tuple)):
        parts = [_map(function, child) for child in tree]
        return parts if isinstance(tree, list) else tuple(parts)
    return None if tree is None else function(tree)


@pytest.mark.parametrize("case", FINITE_LAYERS, ids=names(FINITE_LAYERS))
def test_networks_with_positions(case):
    init_fn, apply_fn, _ = stax.layer_from(case["network"])
    _, params = init_fn(case["key"], tuple(case["input"]), dtype="float32")
    x = sine(case["input"], np.float32)
    if case.get("masked") is not None:
        x.flat[case["masked"]] = case["maskConstant"]
    pattern = array(case.get("pattern"))
    if pattern is not None and pattern.dtype == np.float64:
        pattern = pattern.astype(np.float32)
    rng = None if case["applyKey"] is None else jax.random.PRNGKey(case["applyKey"])
    y = stax.unmask_fn(apply_fn)(
        _map(jnp.asarray, params), jnp.asarray(x), rng=rng, mask_constant=case.get("maskConstant"), pattern=pattern
    )
    expected = array(case["output"])
    assert isinstance(y, jax.Array) and y.shape == expected.shape
    np.testing.assert_allclose(y, expected, atol=3e-5 * max(abs(expected).max(), 1e-30), rtol=0)


FLOATS = [case for case in FINITE if case["dtype"] == "float32"][::STEP]


@pytest.mark.parametrize("case", FLOATS, ids=names(FLOATS))
def test_fully_connected_networks(case):
    init_fn, apply_fn, _ = stax.layer_from(case["network"])
    _, params = init_fn(case["key"], tuple(case["input"]), dtype="float32")
    rng = None if case["applyKey"] is None else jax.random.PRNGKey(case["applyKey"])
    y = apply_fn(_map(jnp.asarray, params), jnp.asarray(sine(case["input"], np.float32)), rng=rng)
    expected = array(case["output"])
    np.testing.assert_allclose(y, expected, atol=3e-5 * abs(expected).max(), rtol=0)


def test_masks_are_those_of_the_library():
    for case in FINITE_LAYERS:
        if case.get("maskConstant") is None or case.get("pattern"):
            continue
        init_fn, apply_fn, _ = stax.layer_from(case["network"])
        _, params = init_fn(case["key"], tuple(case["input"]), dtype="float32")
        x = sine(case["input"], np.float32)
        x.flat[case["masked"]] = case["maskConstant"]
        rng = None if case["applyKey"] is None else jax.random.PRNGKey(case["applyKey"])
        ours = apply_fn(params, x, rng=case["applyKey"], mask_constant=case["maskConstant"])
        theirs = apply_fn(_map(jnp.asarray, params), jnp.asarray(x), rng=rng, mask_constant=case["maskConstant"])
        assert type(ours) is type(theirs), case["name"]
        if isinstance(ours, stax.MaskedArray):
            shape = ours.masked_value.shape
            assert np.array_equal(np.broadcast_to(ours.mask, shape), np.broadcast_to(theirs.mask, shape)), case["name"]


def test_networks_are_trained_by_jax():
    init_fn, apply_fn, _ = stax.serial(stax.Dense(32), stax.Relu(), stax.Dense(1))
    x = jnp.asarray(sine([8, 3], np.float32))
    y = jnp.sum(x, 1, keepdims=True)
    _, params = init_fn(jax.random.PRNGKey(0), x.shape)

    @jax.jit
    def loss(params):
        return jnp.mean((apply_fn(params, x) - y) ** 2)

    before = loss(params)
    for _ in range(100):
        params = jax.tree_util.tree_map(lambda p, g: p - 0.1 * g, params, jax.grad(loss)(params))
    assert loss(params) < 0.2 * before
