"""Finite networks by the library: their kernels, expansions and averages."""

import numpy as np
import pytest
from conftest import cosine, sine

import swift_neural_tangents as nt
from swift_neural_tangents import stax

NETWORK = stax.serial(stax.Dense(6, 1.5, 0.1), stax.Erf(), stax.Dense(2, 1.2, 0.3))
X1, X2 = sine([4, 3]), cosine([3, 3])
_, PARAMS = NETWORK.init_fn(3, X1.shape, "float64")


def _flat(params):
    if isinstance(params, (list, tuple)):
        return [leaf for child in params for leaf in _flat(child)]
    return [] if params is None else [params]


def _rebuilt(params, leaves):
    if isinstance(params, (list, tuple)):
        parts = [_rebuilt(child, leaves) for child in params]
        return parts if isinstance(params, list) else tuple(parts)
    return None if params is None else next(leaves)


def _jacobian(x):
    """Derivatives of all outputs in all parameters by central differences."""
    leaves = _flat(PARAMS)
    columns = []
    for i, leaf in enumerate(leaves):
        for index in np.ndindex(leaf.shape):
            values = []
            for sign in (1, -1):
                moved = [a.copy() for a in leaves]
                moved[i][index] += sign * 1e-5
                values.append(NETWORK.apply_fn(_rebuilt(PARAMS, iter(moved)), x))
            columns.append((values[0] - values[1]) / 2e-5)
    return np.stack(columns, -1)


def test_kernels_of_one_network():
    j1, j2 = _jacobian(X1), _jacobian(X2)
    y1, y2 = NETWORK.apply_fn(PARAMS, X1), NETWORK.apply_fn(PARAMS, X2)
    for implementation in nt.NtkImplementation:
        kernel_fn = nt.empirical_kernel_fn(NETWORK.apply_fn, implementation=implementation)
        kernel = kernel_fn(X1, X2, None, PARAMS)
        np.testing.assert_allclose(kernel.nngp, y1 @ y2.T / 2, rtol=1e-10)
        np.testing.assert_allclose(kernel.ntk, np.einsum("ncp,mcp->nm", j1, j2) / 2, rtol=1e-6)
    full = nt.empirical_ntk_fn(NETWORK.apply_fn, trace_axes=())(X1, X2, PARAMS)
    np.testing.assert_allclose(full, np.einsum("ncp,mdp->nmcd", j1, j2), rtol=1e-5, atol=1e-8)
    diagonal = nt.empirical_ntk_fn(NETWORK.apply_fn, trace_axes=(), diagonal_axes=(1,))(X1, None, PARAMS)
    np.testing.assert_allclose(diagonal, np.einsum("ncp,mcp->nmc", j1, j1), rtol=1e-5)
    assert nt.empirical_nngp_fn(NETWORK.apply_fn)(X1, None, PARAMS).shape == (4, 4)
    single = nt.empirical_kernel_fn(NETWORK.apply_fn)(X1, X2, "ntk", PARAMS)
    np.testing.assert_allclose(single, kernel.ntk, rtol=1e-10)
    with pytest.raises(KeyError):
        kernel_fn(X1, X2, "cov1", PARAMS)


def test_products_without_the_kernel():
    full = nt.empirical_ntk_fn(NETWORK.apply_fn, trace_axes=())(X1, X2, PARAMS)
    vector = cosine([3, 2])
    product = nt.empirical_ntk_vp_fn(NETWORK.apply_fn, X1, X2, PARAMS)
    np.testing.assert_allclose(product(vector), np.einsum("nmcd,md->nc", full, vector), rtol=1e-8)
    with pytest.raises(nt.NetworkError, match="vector"):
        product(vector[1:])


def test_expansions():
    moved = _rebuilt(PARAMS, iter([leaf + 0.1 * sine(leaf.shape) for leaf in _flat(PARAMS)]))
    f_lin = nt.linearize(NETWORK.apply_fn, PARAMS)
    direction = np.concatenate([(a - b).ravel() for a, b in zip(_flat(moved), _flat(PARAMS))])
    expected = NETWORK.apply_fn(PARAMS, X1) + _jacobian(X1) @ direction
    np.testing.assert_allclose(f_lin(moved, X1), expected, rtol=1e-7)
    np.testing.assert_allclose(f_lin(PARAMS, X1), NETWORK.apply_fn(PARAMS, X1), rtol=1e-12)
    errors = [
        abs(nt.taylor_expand(NETWORK.apply_fn, PARAMS, degree)(moved, X1) - NETWORK.apply_fn(moved, X1)).max()
        for degree in range(5)
    ]
    assert all(b < 0.5 * a for a, b in zip(errors, errors[1:]))
    with pytest.raises(ValueError, match="degree"):
        nt.taylor_expand(NETWORK.apply_fn, PARAMS, -1)
    with pytest.raises(nt.NetworkError, match="moved|params"):
        f_lin(PARAMS[:1] + PARAMS[2:], X1)


def test_averages_over_random_networks():
    wide = stax.serial(stax.Dense(128, 1.5, 0.1), stax.Relu(), stax.Dense(64, 1.2))
    expected = wide.kernel_fn(X1, X2)
    kernel_fn = nt.monte_carlo_kernel_fn(wide.init_fn, wide.apply_fn, 0, 60)
    found = kernel_fn(X1, X2, ("nngp", "ntk", "nngp_error", "ntk_error"))
    for name in ("nngp", "ntk"):
        error = getattr(found, f"{name}_error")
        assert error.shape == (4, 3) and (error > 0).all()
        assert (abs(getattr(found, name) - getattr(expected, name)) < 6 * error + 0.02 * abs(getattr(expected, name)).max()).all()
    assert kernel_fn(X1).ntk.shape == (4, 4)
    several = nt.monte_carlo_kernel_fn(wide.init_fn, wide.apply_fn, 0, [2, 60])(X1, X2, "nngp")
    few, many = several
    assert np.array_equal(many, found.nngp) and not np.array_equal(few, many)
    with pytest.raises(ValueError):
        nt.monte_carlo_kernel_fn(wide.init_fn, wide.apply_fn, 0, 0)


def test_parameters():
    init_fn, apply_fn, _ = stax.serial(
        stax.Dense(3),
        stax.FanOut(2),
        stax.parallel(stax.Identity(), stax.Dense(3, b_std=0.1)),
        stax.FanInSum(),
        stax.repeat(stax.serial(stax.Dense(3, b_std=0.2), stax.Relu()), 2),
    )
    shape, params = init_fn(1, (-1, 4))
    assert shape == (-1, 3) and params[0][1] is None and params[1] == () and isinstance(params[2], tuple)
    assert params[4][0][0].shape == (2, 3, 3) and params[4][0][1].shape == (2, 1, 3)
    assert params[0][0].dtype == np.float32
    assert apply_fn(params, X1[:, :3].repeat(2, 1)[:, :4]).shape == (4, 3)
    with pytest.raises(nt.NetworkError, match="params: expected one entry for each of 5 layers of serial, found 4"):
        apply_fn(params[:4], X1)
    with pytest.raises(nt.NetworkError, match="dense: expected parameters of shapes"):
        apply_fn(params, X1)
    with pytest.raises(TypeError, match="key"):
        init_fn(np.zeros(3), (1, 4))
    with pytest.raises(nt.NetworkError):
        init_fn(0, (1, 0))


def test_dropout_needs_a_key():
    init_fn, apply_fn, _ = stax.serial(stax.Dense(50), stax.Dropout(0.5), stax.Dense(1))
    _, params = init_fn(0, X1.shape)
    with pytest.raises(nt.NetworkError, match="random key"):
        apply_fn(params, X1)
    assert not np.array_equal(apply_fn(params, X1, rng=0), apply_fn(params, X1, rng=1))
    assert np.array_equal(apply_fn(params, X1, rng=0), apply_fn(params, X1, rng=0))
