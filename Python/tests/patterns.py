"""What scripts do with neural-tangents, each in a few lines: the same functions run with either library.

A pattern is a function of `nt`, `stax` and JAX's modules that gives arrays. `fixtures/make_patterns.py` keeps what neural-tangents
gives.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import grad, jit, random, value_and_grad


def _inputs(shape, rate=0.37, shift=0.1, dtype=jnp.float64):
    return jnp.asarray(np.sin(rate * np.arange(np.prod(shape)) + shift).reshape(shape), dtype)


def readme(nt, stax, dtype):
    """The demo of the README: mean and covariance of both ensembles."""
    x_train, x_test = _inputs((20, 6), dtype=dtype), _inputs((5, 6), 0.53, 0.2, dtype)
    y_train = jnp.sum(x_train[:, :2], axis=1, keepdims=True)
    _, _, kernel_fn = stax.serial(stax.Dense(512, 1.5, 0.05), stax.Erf(), stax.Dense(1, 1.5, 0.05))
    predict_fn = nt.predict.gradient_descent_mse_ensemble(kernel_fn, x_train, y_train, diag_reg=1e-4)
    ntk = predict_fn(x_test=x_test, get="ntk", compute_cov=True)
    nngp = predict_fn(x_test=x_test, get="nngp", compute_cov=True)
    late = predict_fn(t=100.0, x_test=x_test, get="ntk", compute_cov=True)
    return {
        "ntk mean": ntk.mean,
        "ntk covariance": ntk.covariance,
        "nngp mean": nngp.mean,
        "nngp covariance": nngp.covariance,
        "late mean": late.mean,
        "late covariance": late.covariance,
    }


def residual_with_jit(nt, stax, dtype):
    """Kernels of a residual network for a support vector machine, compiled with `get` static."""
    block = stax.serial(
        stax.FanOut(2), stax.parallel(stax.serial(stax.Relu(), stax.Dense(64, 1.4, 0.1)), stax.Identity()), stax.FanInSum()
    )
    _, _, kernel_fn = stax.serial(stax.Dense(64, 1.4, 0.1), block, block, stax.Relu(), stax.Dense(1, 1.4, 0.1))
    compiled = jit(kernel_fn, static_argnames="get")
    x, z = _inputs((8, 5), dtype=dtype), _inputs((3, 5), 0.53, 0.2, dtype)
    return {"train": compiled(x, None, get="ntk"), "test": compiled(z, x, get="ntk"), "nngp": compiled(z, x, get="nngp")}


def recommender(nt, stax, dtype):
    """An infinitely wide autoencoder: a partial kernel function and a solution of a linear system in one compiled function."""
    _, _, kernel_fn = stax.serial(stax.Dense(1), stax.Relu(), stax.Dense(1))
    kernel_fn = functools.partial(kernel_fn, get="ntk")

    @jit
    def predict(x_train, x_test, reg):
        k = kernel_fn(x_train, x_train)
        regularized = k + abs(reg) * jnp.trace(k) * jnp.eye(k.shape[0], dtype=k.dtype) / k.shape[0]
        return jnp.dot(kernel_fn(x_test, x_train), jnp.linalg.solve(regularized, x_train))

    return {"prediction": predict(_inputs((10, 12), dtype=dtype), _inputs((4, 12), 0.53, 0.2, dtype), 0.1)}


def _distillation(stax, network, shape, dtype):
    _, _, kernel_fn = network
    x_target = _inputs((6, *shape), 0.53, 0.2, dtype)
    y_target = _inputs((6, 2), 0.91, 0.3, dtype)

    @jit
    def loss(x, y):
        k_ss = kernel_fn(x, x, "ntk")
        k_ts = kernel_fn(x_target, x, "ntk")
        k_ss = k_ss + 1e-3 * jnp.trace(k_ss) / k_ss.shape[0] * jnp.eye(k_ss.shape[0], dtype=k_ss.dtype)
        prediction = k_ts @ jnp.linalg.solve(k_ss, y)
        return 0.5 * jnp.mean((prediction - y_target) ** 2)

    # Different inputs, as the derivative of a kernel at equal ones is not defined by a limit.
    x, y = _inputs((3, *shape), dtype=dtype), _inputs((3, 2), 0.7, 0.5, dtype)
    value, (dx, dy) = jit(value_and_grad(loss, (0, 1)))(x, y)
    return {"loss": value, "gradient x": dx, "gradient y": dy}


def distillation_of_vectors(nt, stax, dtype):
    """Distilled data sets: value and gradient through kernels of fully connected networks."""
    network = stax.serial(stax.Dense(1, 1.4, 0.1), stax.Erf(), stax.Dense(1, 1.4, 0.1), stax.Erf(), stax.Dense(1))
    return _distillation(stax, network, (7,), dtype)


def distillation_of_images(nt, stax, dtype):
    """The same through convolutions and pools, the kernel inducing points of a notebook."""
    network = stax.serial(
        stax.Conv(1, (3, 3), padding="SAME", W_std=1.4, b_std=0.1),
        stax.Gelu(),
        stax.AvgPool((2, 2), (2, 2)),
        stax.Flatten(),
        stax.Dense(1, 1.4, 0.1),
    )
    return _distillation(stax, network, (4, 4, 2), dtype)


def images_in_batches(nt, stax, dtype):
    """A convolutional kernel over batches."""
    layers = []
    for _ in range(2):
        layers += [stax.Conv(1, (3, 3), padding="SAME", W_std=1.4, b_std=0.1), stax.Relu()]
    _, _, kernel_fn = stax.serial(*layers, stax.GlobalAvgPool(), stax.Dense(10))
    kernel_fn = nt.batch(kernel_fn, device_count=0, batch_size=2)
    x, z = _inputs((4, 5, 5, 2), dtype=dtype), _inputs((2, 5, 5, 2), 0.53, 0.2, dtype)
    return {"train": kernel_fn(x, None, "ntk"), "test": kernel_fn(z, x, "nngp")}


def coordinates(nt, stax, dtype):
    """The tangent kernel of a network of coordinates, as a function of an angle."""
    _, _, kernel_fn = stax.serial(*[stax.Dense(1), stax.Relu()] * 3, stax.Dense(1))
    angle = jnp.linspace(0.1, 3.0, 9).astype(dtype)
    points = jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
    return {"kernel": kernel_fn(points, points[:1], "ntk")}


def poisoning(nt, stax, dtype):
    """Poisoned data: the gradient of the loss on test points after training, through the closed form of training."""
    _, _, kernel_fn = stax.serial(stax.Dense(1, 1.76, 0.18), stax.Erf(), stax.Dense(1, 1.76, 0.18))
    x_test, y_test = _inputs((4, 5), 0.53, 0.2, dtype), _inputs((4, 2), 0.91, 0.3, dtype)
    y_train = _inputs((6, 2), 0.7, 0.5, dtype)

    def loss(x_train):
        k_train = kernel_fn(x_train, None, "ntk")
        k_test = kernel_fn(x_test, x_train, "ntk")
        predict_fn = nt.predict.gradient_descent_mse(k_train, y_train, diag_reg=1e-3)
        _, fx = predict_fn(50.0, jnp.zeros_like(y_train), jnp.zeros_like(y_test), k_test)
        return jnp.mean((fx - y_test) ** 2)

    x = _inputs((6, 5), dtype=dtype)
    return {"loss": loss(x), "gradient": grad(loss)(x)}


def generalization(nt, stax, dtype):
    """Learning curves: ensembles at several times, and the largest learning rate."""
    _, _, kernel_fn = stax.serial(stax.Dense(1, 1.4, 0.1), stax.Relu(), stax.Dense(1, 1.4, 0.1))
    x, y = _inputs((8, 4), dtype=dtype), _inputs((8, 1), 0.7, 0.5, dtype)
    kernel = kernel_fn(x, None, ("nngp", "ntk"))
    rate = nt.predict.max_learning_rate(kernel.ntk, y_train_size=y.size)
    predict_fn = nt.predict.gradient_descent_mse_ensemble(kernel_fn, x, y, learning_rate=0.5, diag_reg=1e-2)
    times = jnp.asarray([0.0, 1.0, 10.0, 100.0])
    found = predict_fn(t=times, x_test=_inputs((3, 4), 0.53, 0.2, dtype), get=("nngp", "ntk"), compute_cov=True)
    inference = nt.predict.gp_inference(kernel, y, diag_reg=1e-2)
    means = inference(("nngp", "ntk"), kernel_fn(x[:2] * 0.5, x, ("nngp", "ntk")))
    return {
        "rate": rate,
        "nngp": found.nngp.mean,
        "ntk": found.ntk.mean,
        "covariance": found.ntk.covariance,
        "inferred": means.ntk,
    }


def eigenlearning(nt, stax, dtype):
    """An activation of one's own by quadrature, and a finite network trained by JAX."""
    activation = stax.ElementwiseNumerical(lambda z: jnp.sin(z) + 0.1 * z, deg=20)
    _, _, kernel_fn = stax.serial(stax.Dense(1, 1.2, 0.2), activation, stax.Dense(1))
    x, z = _inputs((4, 3), dtype=dtype), _inputs((3, 3), 0.53, 0.2, dtype)
    init_fn, apply_fn, _ = stax.serial(stax.Dense(16, 1.4, 0.1), stax.Relu(), stax.Dense(1, 1.4, 0.1))
    _, params = init_fn(random.PRNGKey(1), (-1, 3))
    y = jnp.sum(x, 1, keepdims=True)

    @jit
    def step(params):
        gradient = grad(lambda p: 0.5 * jnp.mean((apply_fn(p, x) - y) ** 2))(params)
        return jax.tree_util.tree_map(lambda p, g: p - 0.3 * g, params, gradient)

    for _ in range(20):
        params = step(params)
    return {"nngp": kernel_fn(x, z, "nngp"), "ntk": kernel_fn(x, z, "ntk"), "trained": apply_fn(params, z)}


def bayesian(nt, stax, dtype):
    """Dropout, concatenation, and the finite network with its key."""
    branch = stax.serial(stax.Dense(6, 1.4, 0.1), stax.Relu())
    init_fn, apply_fn, kernel_fn = stax.serial(
        stax.Dense(6, 1.4, 0.1),
        stax.Dropout(0.8),
        stax.FanOut(2),
        stax.parallel(branch, branch),
        stax.FanInConcat(),
        stax.Dense(2, 1.4, 0.1),
    )
    x = _inputs((4, 3), dtype=dtype)
    _, params = init_fn(random.PRNGKey(2), (-1, 3))
    return {"ntk": kernel_fn(x, None, "ntk"), "y": apply_fn(params, x, rng=random.PRNGKey(3))}


def functions_of_jax(nt, stax, dtype):
    """Empirical kernels and expansions of a function that is no network of stax."""

    def f(params, x):
        return jnp.tanh(x @ params["w"]) @ params["v"]

    params = {"w": _inputs((3, 8), 0.9, 0.4, dtype), "v": _inputs((8, 2), 1.1, 0.6, dtype)}
    moved = jax.tree_util.tree_map(lambda p: p + 0.1 * _inputs(p.shape, 1.3, 0.7, dtype), params)
    x, z = _inputs((4, 3), dtype=dtype), _inputs((3, 3), 0.53, 0.2, dtype)
    ntk_fn = nt.empirical_ntk_fn(f, vmap_axes=0, implementation=nt.NtkImplementation.NTK_VECTOR_PRODUCTS)
    return {
        "ntk": nt.empirical_ntk_fn(f)(x, z, params),
        "products": jit(ntk_fn)(x, None, params),
        "full": nt.empirical_ntk_fn(f, trace_axes=())(x, z, params),
        "nngp": nt.empirical_nngp_fn(f)(x, z, params),
        "diagonal": nt.empirical_ntk_fn(f, trace_axes=(), diagonal_axes=(1,))(x, None, params),
        "linear": nt.linearize(f, params)(moved, x),
        "cubic": nt.taylor_expand(f, params, 3)(moved, x),
        "product": nt.empirical_ntk_vp_fn(f, x, z, params)(_inputs((3, 2), 0.8, 0.1, dtype)),
    }


PATTERNS = [
    readme,
    residual_with_jit,
    recommender,
    distillation_of_vectors,
    distillation_of_images,
    images_in_batches,
    coordinates,
    poisoning,
    generalization,
    eigenlearning,
    bayesian,
    functions_of_jax,
]
