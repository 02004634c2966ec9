"""`kernel_fn` inside functions that JAX traces, and `predict` over JAX arrays."""

import functools

import numpy as np
import pytest
from conftest import cosine, fixture, sine

jax = pytest.importorskip("jax")
import jax.numpy as jnp

import swift_neural_tangents as nt
from swift_neural_tangents import stax

VECTORS = stax.serial(stax.Dense(4, 1.5, 0.1), stax.Erf(), stax.Dense(2, 1.2, 0.3)).kernel_fn
IMAGES = stax.serial(
    stax.Conv(4, (3, 2), padding="SAME", b_std=0.1), stax.Gelu(), stax.AvgPool((2, 2)), stax.Flatten(), stax.Dense(1)
).kernel_fn


@pytest.fixture(autouse=True)
def double_precision():
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


def x1(shape=(4, 3)):
    return jnp.asarray(sine(shape))


def x2(shape=(3, 3)):
    return jnp.asarray(cosine(shape))


def test_arrays_of_jax_give_arrays_of_jax():
    kernel = VECTORS(x1(), x2())
    assert isinstance(kernel.ntk, jax.Array) and isinstance(kernel.cov2, jax.Array)
    np.testing.assert_allclose(kernel.ntk, VECTORS(np.asarray(x1()), np.asarray(x2())).ntk)
    assert isinstance(VECTORS(np.asarray(x1()), x2(), "ntk"), jax.Array)


@pytest.mark.parametrize("kernel_fn, shape", [(VECTORS, (3,)), (IMAGES, (4, 3, 2))], ids=["vectors", "images"])
def test_compiled(kernel_fn, shape):
    a, b = x1((4, *shape)), x2((3, *shape))
    compiled = jax.jit(kernel_fn, static_argnames="get")
    for get in ("nngp", "ntk", ("ntk", "cov1", "cov2")):
        ours, theirs = compiled(a, b, get=get), kernel_fn(a, b, get)
        for one, other in zip(jax.tree_util.tree_leaves(ours), jax.tree_util.tree_leaves(theirs)):
            np.testing.assert_allclose(one, other, rtol=1e-12)
    np.testing.assert_allclose(compiled(a, None, get="ntk"), kernel_fn(a, None, "ntk"), rtol=1e-12)
    whole = jax.jit(kernel_fn)(a, b)
    assert isinstance(whole, nt.Kernel) and whole.shape1 == kernel_fn(a, b).shape1
    partial = jax.jit(functools.partial(kernel_fn, get="ntk"))
    np.testing.assert_allclose(partial(a, a), kernel_fn(a, a, "ntk"), rtol=1e-10)


def test_compiled_in_single_precision():
    jax.config.update("jax_enable_x64", False)
    a = jnp.asarray(sine((50, 784)), jnp.float32)
    found = jax.jit(VECTORS, static_argnames="get")(a, None, get="ntk")
    assert found.dtype == jnp.float32
    np.testing.assert_allclose(found, VECTORS(a, None, "ntk"), rtol=1e-6)


def _weights(kernel):
    return sum(
        jnp.sum(array * jnp.asarray(cosine(array.shape)))
        for array in (kernel.nngp, kernel.ntk, kernel.cov1, kernel.cov2)
        if array is not None
    )


def _check_gradient(function, *arguments, tolerance=1e-6):
    """Gradients against central differences along one direction."""
    gradients = jax.grad(function, argnums=tuple(range(len(arguments))))(*arguments)
    directions = [jnp.asarray(sine(a.shape) * 1.7 + 0.3) for a in arguments]
    slope = sum(jnp.vdot(g, d) for g, d in zip(gradients, directions))
    step = 1e-5
    ahead = function(*[a + step * d for a, d in zip(arguments, directions)])
    behind = function(*[a - step * d for a, d in zip(arguments, directions)])
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=tolerance)


@pytest.mark.parametrize("kernel_fn, shape", [(VECTORS, (3,)), (IMAGES, (4, 3, 2))], ids=["vectors", "images"])
def test_gradients(kernel_fn, shape):
    a, b = x1((3, *shape)), x2((2, *shape))
    _check_gradient(lambda a, b: _weights(kernel_fn(a, b)), a, b)
    _check_gradient(lambda a: _weights(kernel_fn(a)), a)
    _check_gradient(jax.jit(lambda a, b: jnp.sum(kernel_fn(a, b, "ntk") ** 2)), a, b)
    # The same array twice is one data set, with both covariances nevertheless.
    _check_gradient(lambda a: _weights(kernel_fn(a, a)), a)
    kernel = jax.jit(lambda a: kernel_fn(a, a))(a)
    np.testing.assert_array_equal(kernel.cov1, kernel.cov2)
    np.testing.assert_allclose(kernel.ntk, kernel_fn(np.asarray(a)).ntk, rtol=1e-12)


@pytest.mark.parametrize("kernel_fn, shape", [(VECTORS, (3,)), (IMAGES, (4, 3, 2))], ids=["vectors", "images"])
@pytest.mark.parametrize("get", ["nngp", "ntk", ("nngp", "ntk", "cov2")], ids=str)
def test_gradients_in_one_data_set_are_those_in_both(kernel_fn, shape, get):
    x, y = x1((4, *shape)), x2((3, *shape))

    def loss(x, y):
        kernel = kernel_fn(x, y, get)
        return sum(jnp.sum(jnp.sin(1 + part)) for part in (kernel if isinstance(get, tuple) else (kernel,)))

    value, both = jax.jit(jax.value_and_grad(loss, (0, 1)))(x, y)
    np.testing.assert_allclose(value, loss(x, y), rtol=1e-13)
    for index in (0, 1):
        value, one = jax.value_and_grad(loss, index)(x, y)
        np.testing.assert_allclose(value, loss(x, y), rtol=1e-13)
        np.testing.assert_allclose(one, both[index], rtol=1e-10, atol=1e-13)


def test_gradients_of_one_data_set_are_those_of_two():
    x = x1((5, 3))
    weights = jnp.asarray(sine((5, 5)))
    one = jax.grad(lambda x: jnp.sum(weights * VECTORS(x, None, "ntk")))(x)
    first, second = jax.grad(lambda x, y: jnp.sum(weights * VECTORS(x, y, "ntk")), (0, 1))(x, x + 0)
    np.testing.assert_allclose(one, first + second, rtol=1e-9, atol=1e-12)


def test_gradients_of_diagonals_batches_masks_and_graphs():
    network = stax.serial(stax.Conv(4, (3, 2), padding="SAME", b_std=0.1), stax.Erf()).kernel_fn
    images, others = x1((2, 4, 3, 2)), x2((2, 4, 3, 2))
    _check_gradient(lambda a, b: _weights(network(a, b, diagonal_spatial=True)), images, others)
    _check_gradient(lambda a, b: _weights(network(a, b, diagonal_batch=False)), images, others)
    pooled = stax.serial(stax.Conv(4, (3, 2), padding="SAME", b_std=0.1), stax.Erf(), stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn

    def masked(a):
        return jnp.sum(pooled(a.at[0, 1].set(10.0), None, "ntk", mask_constant=10.0))

    _check_gradient(masked, images)
    graphs = stax.serial(stax.Dense(2), stax.Aggregate(1), stax.Erf(), stax.GlobalAvgPool(), stax.Dense(1)).kernel_fn
    patterns = (abs(sine([2, 4, 4])), abs(cosine([2, 4, 4])))
    _check_gradient(lambda a, b: jnp.sum(graphs(a, b, "ntk", pattern=patterns)), x1((2, 4, 2)), x2((2, 4, 2)))
    compiled = jax.jit(lambda a, p: graphs(a, None, "ntk", pattern=p))
    np.testing.assert_allclose(compiled(x1((2, 4, 2)), patterns[0]), graphs(x1((2, 4, 2)), None, "ntk", pattern=patterns[0]))


def test_gradients_of_several_inputs():
    network = stax.serial(
        stax.parallel(stax.Dense(3), stax.Dense(3)), stax.FanInSum(), stax.Erf(), stax.Dense(1, b_std=0.1)
    ).kernel_fn
    _check_gradient(lambda a, b: jnp.sum(network((a, b), None, "ntk") ** 2), x1((3, 3)), x2((3, 2)))


@pytest.mark.parametrize("case", fixture("kernel-gradients")["cases"], ids=lambda case: case["name"])
def test_gradients_of_the_fixtures(case):
    kernel_fn = stax.layer_from(case["network"]).kernel_fn
    size = len(case["x1"])
    channels = {12: 4, 8: 4}.get(size, 4)
    a, b = x1((size // channels, channels)), x2((len(case["x2"]) // channels, channels))
    da, db = jax.grad(lambda a, b: jnp.sum(kernel_fn(a, b, "ntk")), (0, 1))(a, b)
    assert da.shape == a.shape and bool(jnp.isfinite(da).all()) and bool(jnp.isfinite(db).all())
    _check_gradient(lambda a, b: jnp.sum(kernel_fn(a, b, "ntk")), a, b, tolerance=1e-5)


def test_mapped():
    batches = x1((5, 4, 3))
    found = jax.vmap(lambda x: VECTORS(x, x2(), "ntk"))(batches)
    np.testing.assert_allclose(found, jnp.stack([VECTORS(x, x2(), "ntk") for x in batches]), rtol=1e-12)
    gradients = jax.vmap(jax.grad(lambda x: jnp.sum(VECTORS(x, x2(), "ntk"))))(batches)
    assert gradients.shape == batches.shape


def test_single_entries_of_a_kernel_by_vmap():
    one = lambda a, b: VECTORS(a[None], b[None], "ntk")[0, 0]
    found = jax.vmap(jax.vmap(one, (None, 0)), (0, None))(x1(), x2())
    np.testing.assert_allclose(found, VECTORS(x1(), x2(), "ntk"), rtol=1e-10)


def test_mistakes_inside_traced_functions_are_exceptions():
    with pytest.raises(Exception, match="of x1 but for the number of inputs"):
        jax.jit(lambda a: VECTORS(a, x2((3, 5)), "ntk"))(x1())
    with pytest.raises(Exception, match="NaN or infinity"):
        jax.block_until_ready(jax.jit(lambda a: VECTORS(a / 0 * 0, None, "ntk"))(x1()))


def test_predictions_are_traced():
    y = x1((4, 1))

    @jax.jit
    def predict(x, t):
        predict_fn = nt.predict.gradient_descent_mse_ensemble(VECTORS, x, y, diag_reg=1e-3)
        return predict_fn(t=t, x_test=x2(), get=("nngp", "ntk"), compute_cov=True)

    plain = nt.predict.gradient_descent_mse_ensemble(VECTORS, np.asarray(x1()), np.asarray(y), diag_reg=1e-3)
    expected = plain(t=7.0, x_test=np.asarray(x2()), get=("nngp", "ntk"), compute_cov=True)
    found = predict(x1(), 7.0)
    for one, other in zip(jax.tree_util.tree_leaves(found), jax.tree_util.tree_leaves(expected)):
        np.testing.assert_allclose(one, other, rtol=1e-8)
    _check_gradient(
        lambda x: jnp.sum(nt.predict.gp_inference(VECTORS(x), y, diag_reg=1e-2)("ntk", VECTORS(x2(), x))), x1(), tolerance=1e-5
    )
    _check_gradient(lambda t: jnp.sum(nt.predict.gradient_descent_mse(VECTORS(x1(), None, "ntk"), y)(t, 0.0)), jnp.asarray(3.0))


def test_init_fn_is_traced_and_has_jax_bits():
    init_fn, apply_fn, _ = stax.serial(stax.Dense(8, b_std=0.1), stax.Relu(), stax.Dense(2))
    key = jax.random.PRNGKey(5)
    shape, params = init_fn(key, (-1, 3))
    assert shape == (-1, 2) and isinstance(params[0][0], jax.Array) and params[0][0].dtype == jnp.float64
    compiled = jax.jit(lambda key: init_fn(key, (-1, 3))[1])(key)
    for one, other in zip(jax.tree_util.tree_leaves(compiled), jax.tree_util.tree_leaves(params)):
        assert np.array_equal(one, other)
    mapped = jax.vmap(lambda key: init_fn(key, (-1, 3))[1])(jax.random.split(key, 3))
    assert mapped[0][0].shape == (3, 3, 8)
    if hasattr(jax.random, "key"):
        typed = init_fn(jax.random.key(5), (-1, 3))[1]
        assert np.array_equal(typed[0][0], params[0][0])


def test_functions_of_jax():
    def f(params, x):
        return [jnp.tanh(x @ params["w"]), x @ params["w"]]

    params = {"w": x1((3, 2))}
    ntk = nt.empirical_ntk_fn(f)(x1(), x2(), params)
    assert isinstance(ntk, list) and ntk[0].shape == (4, 3)
    for implementation in nt.NtkImplementation:
        other = nt.empirical_ntk_fn(f, implementation=implementation)(x1(), x2(), params)
        for a, b in zip(ntk, other):
            np.testing.assert_allclose(a, b, rtol=1e-10)
    with pytest.raises(ValueError, match="axes"):
        nt.empirical_ntk_fn(f, trace_axes=(5,))(x1(), x2(), params)


def test_finite_kernels_by_jax_are_those_of_the_library():
    init_fn, apply_fn, _ = stax.serial(stax.Dense(6, 1.5, 0.1), stax.Erf(), stax.Dense(2, 1.2, 0.3))
    _, params = init_fn(3, (1, 3), "float64")
    a, b = np.asarray(x1()), np.asarray(x2())
    ours = nt.empirical_kernel_fn(apply_fn, trace_axes=(), diagonal_axes=(1,))(a, b, None, params)
    theirs = nt.empirical_kernel_fn(apply_fn, trace_axes=(), diagonal_axes=(1,), vmap_axes=0)(x1(), x2(), None, params)
    np.testing.assert_allclose(ours.ntk, theirs.ntk, rtol=1e-10)
    np.testing.assert_allclose(ours.nngp, theirs.nngp, rtol=1e-10)
    moved = jax.tree_util.tree_map(lambda p: p * 1.1, params)
    for degree in range(4):
        np.testing.assert_allclose(
            nt.taylor_expand(apply_fn, params, degree)(moved, a), nt.taylor_expand(apply_fn, params, degree)(moved, x1()), rtol=1e-8
        )
    vector = np.asarray(x2((3, 2)))
    np.testing.assert_allclose(
        nt.empirical_ntk_vp_fn(apply_fn, a, b, params)(vector),
        nt.empirical_ntk_vp_fn(apply_fn, x1(), x2(), params)(vector),
        rtol=1e-9,
    )


def test_averages_of_functions_of_jax():
    def init_fn(key, shape):
        return (shape[0], 1), jax.random.normal(key, (shape[1], 1))

    def apply_fn(params, x):
        return x @ params / np.sqrt(x.shape[1])

    found = nt.monte_carlo_kernel_fn(init_fn, apply_fn, 0, 3)(x1(), x2(), "ntk")
    np.testing.assert_allclose(found, x1() @ x2().T / 3, rtol=1e-10)
    first, second = nt.monte_carlo_kernel_fn(init_fn, apply_fn, 0, (1, 2))(x1(), x2(), ("nngp", "ntk"))
    assert first.nngp.shape == (4, 3) and not np.allclose(first.nngp, second.nngp)


def test_losses_of_jax():
    def loss(f, y):
        return 0.5 * jnp.mean((f - y) ** 2)

    pytest.importorskip("scipy")
    kernel, y = VECTORS(x1(), None, "ntk"), x1((4, 1))
    between = VECTORS(x2(), x1(), "ntk")
    flow = nt.predict.gradient_descent(loss, kernel, y, learning_rate=0.7)
    closed = nt.predict.gradient_descent_mse(kernel, y, learning_rate=0.7)
    for one, other in zip(flow(3.0, 0.0, 0.0, between), closed(3.0, 0.0, 0.0, between)):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-8)
    state = nt.predict.gradient_descent(loss, kernel, y, momentum=0.9)(
        [1.0, 2.0], nt.predict.ODEState(0.0, 0.0), k_test_train=between
    )
    assert state.fx_train.shape == (2, 4, 1) and state.qx_test.shape == (2, 3, 1)
