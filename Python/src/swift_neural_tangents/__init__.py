"""Infinitely wide neural networks: the functions of neural-tangents, computed by a fast library in Swift.

Change one import, `import swift_neural_tangents as nt`, and `from swift_neural_tangents import stax`; nothing else is needed but
NumPy. JAX arrays are taken and given where JAX is used.

Examples
--------
>>> import numpy as np
>>> import swift_neural_tangents as nt
>>> from swift_neural_tangents import stax
>>> _, _, kernel_fn = stax.serial(stax.Dense(512), stax.Relu(), stax.Dense(1))
>>> x_train, y_train = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[1.0], [-1.0]])
>>> predict_fn = nt.predict.gradient_descent_mse_ensemble(kernel_fn, x_train, y_train)
>>> mean, covariance = predict_fn(x_test=np.array([[1.0, 1.0]]), get="ntk", compute_cov=True)
>>> mean.shape, covariance.shape
((1, 1), (1, 1))
"""

__version__ = "0.1.0"

from . import predict, stax
from ._layers import ApplyFn, InitFn, Layer
from ._library import NetworkError, NumericalError, get_num_threads, info, set_num_threads
from .batching import batch
from .empirical import (
    NtkImplementation,
    empirical_kernel_fn,
    empirical_nngp_fn,
    empirical_ntk_fn,
    empirical_ntk_vp_fn,
    linearize,
    taylor_expand,
)
from .kernels import Kernel, KernelFn
from .monte_carlo import monte_carlo_kernel_fn

__all__ = [
    "ApplyFn",
    "InitFn",
    "Kernel",
    "KernelFn",
    "Layer",
    "NetworkError",
    "NtkImplementation",
    "NumericalError",
    "batch",
    "empirical_kernel_fn",
    "empirical_nngp_fn",
    "empirical_ntk_fn",
    "empirical_ntk_vp_fn",
    "get_num_threads",
    "info",
    "linearize",
    "monte_carlo_kernel_fn",
    "predict",
    "set_num_threads",
    "stax",
    "taylor_expand",
]
