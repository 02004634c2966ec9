"""Predictions of infinite ensembles in closed form, from kernels.

Everything is written over the arrays that it is given, NumPy's or JAX's: with JAX it can be differentiated and compiled.

Losses are `0.5 * mean((f - y)**2)` over all entries of the targets. Time is counted in gradient steps of `learning_rate`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from . import _arrays
from ._library import NumericalError
from .kernels import Kernel, canonicalize_get, named_tuple

__all__ = [
    "gradient_descent",
    "gradient_descent_mse",
    "gradient_descent_mse_ensemble",
    "gp_inference",
    "max_learning_rate",
    "Gaussian",
    "ODEState",
]

Axes = int | Sequence[int]


class Gaussian(NamedTuple):
    """A Gaussian prediction.

    Attributes
    ----------
    mean : array of shape `(t…, points, outputs…)`
    covariance : array of shape `(t…, points, points)`, shared by all outputs along trace axes; pairs of axes for others
    """

    mean: Any
    covariance: Any


@dataclasses.dataclass(frozen=True)
class ODEState:
    """Where a gradient flow is: outputs on train and test points, and with momentum their velocities.

    Attributes
    ----------
    fx_train, fx_test : array or None
        Outputs.
    qx_train, qx_test : array or None
        Momentum variables.
    """

    fx_train: Any = None
    fx_test: Any = None
    qx_train: Any = None
    qx_test: Any = None

    def replace(self, **changes: Any) -> "ODEState":
        return dataclasses.replace(self, **changes)


# ------------------------------------------------------------------------------------------------------------- matrices


def _namespace(*arrays: Any):
    return _arrays.namespace(*[array for array in arrays if array is not None])


def _as_array(xp, x: Any, name: str) -> Any:
    """An array of floating-point numbers of the caller's kind."""
    if xp is np:
        return _arrays.to_numpy(x, name)
    return xp.asarray(x)


def _is_traced(*arrays: Any) -> bool:
    return any(_arrays.is_tracer(array) for array in arrays)


def _require_finite(name: str, array: Any) -> None:
    if not _is_traced(array) and not np.isfinite(np.asarray(array)).all():
        raise ValueError(f"{name}: expected finite numbers, found NaN or infinity")


class _Outputs:
    """How the axes of targets and kernels become those of matrices."""

    def __init__(self, y_shape: Sequence[int], trace_axes: Axes, y_name: str = "y_train"):
        rank = len(y_shape)
        if rank < 1:
            raise ValueError(f"{y_name}: expected a first axis of points, found a scalar")
        trace = [trace_axes] if isinstance(trace_axes, (int, np.integer)) else list(trace_axes)
        for axis in trace:
            if not -rank <= axis < rank:
                raise ValueError(f"trace_axes: expected axes of targets of {rank} axes, found {axis}")
        self.trace = sorted({int(axis) % rank for axis in trace})
        self.other = [axis for axis in range(rank) if axis not in self.trace]
        self.shape = tuple(y_shape)
        self.size = math.prod(self.shape[axis] for axis in self.other)

    def rows(self, xp, y: Any) -> Any:
        """Targets or outputs as a matrix: what kernels have along the rows, the rest along the columns."""
        sizes = [y.shape[axis] for axis in self.other]
        return xp.transpose(y, self.other + self.trace).reshape(math.prod(sizes), -1)

    def outputs(self, xp, rows: Any, sizes: Sequence[int]) -> Any:
        """The other way; `sizes` are those of the axes that kernels have. Leading axes, of times, stay."""
        trace = [self.shape[axis] for axis in self.trace]
        lead = rows.shape[:-2]
        array = rows.reshape(*lead, *sizes, *trace)
        order = np.argsort(self.other + self.trace)
        return xp.transpose(array, [*range(len(lead)), *(len(lead) + int(axis) for axis in order)])

    def matrix(self, xp, kernel: Any, name: str, columns: int | None = None) -> tuple[Any, list[int]]:
        """A kernel with its pairs of axes as a matrix, and the sizes along its rows."""
        pairs = len(self.other)
        if kernel.ndim != 2 * pairs:
            raise ValueError(
                f"{name}: expected {2 * pairs} axes, a pair for each axis of the targets {self.shape} but for the trace axes "
                f"{tuple(self.trace)}, found shape {tuple(kernel.shape)}"
            )
        rows = [kernel.shape[2 * i] for i in range(pairs)]
        others = [kernel.shape[2 * i + 1] for i in range(pairs)]
        if columns is not None and math.prod(others) != columns:
            raise ValueError(
                f"{name}: expected {columns} columns, as the targets {self.shape} have entries, found shape {tuple(kernel.shape)}"
            )
        order = [2 * i for i in range(pairs)] + [2 * i + 1 for i in range(pairs)]
        return xp.transpose(kernel, order).reshape(math.prod(rows), math.prod(others)), rows

    def kernel(self, xp, matrix: Any, rows: Sequence[int], columns: Sequence[int]) -> Any:
        """The other way."""
        pairs, lead = len(rows), matrix.ndim - 2
        array = matrix.reshape(*matrix.shape[:-2], *rows, *columns)
        order = [lead + axis for i in range(pairs) for axis in (i, pairs + i)]
        return xp.transpose(array, [*range(lead), *order])


def _regularized(xp, matrix: Any, diag_reg: float, is_absolute: bool) -> Any:
    """The matrix plus a multiple of the identity, which is relative to the mean diagonal by default."""
    if not _is_traced(diag_reg) and not isinstance(diag_reg, (int, float)) and np.ndim(diag_reg) != 0:
        raise TypeError(f"diag_reg: expected a number, found {diag_reg!r}")
    if not _is_traced(diag_reg) and diag_reg == 0:
        return matrix
    size = matrix.shape[0]
    shift = diag_reg if is_absolute else diag_reg * xp.trace(matrix) / size
    return matrix + shift * xp.eye(size, dtype=matrix.dtype)


class _System:
    """A regularized train-train kernel, decomposed once in the way that is needed first."""

    def __init__(self, kernel: Any, outputs: _Outputs, diag_reg: float, is_absolute: bool, name: str):
        self.xp = xp = _namespace(kernel)
        kernel = _as_array(xp, kernel, name)
        _require_finite(name, kernel)
        self.name, self.outputs, self.diag_reg = name, outputs, diag_reg
        self.plain, self.sizes = outputs.matrix(xp, kernel, name, outputs.size)
        if self.plain.shape[0] != self.plain.shape[1]:
            raise ValueError(f"{name}: expected as many rows as columns, found shape {tuple(kernel.shape)}")
        self.matrix = _regularized(xp, self.plain, diag_reg, is_absolute)

    @functools.cached_property
    def factor(self) -> Any:
        """The lower Cholesky factor."""
        if self.xp is np:
            try:
                return np.linalg.cholesky(self.matrix)
            except np.linalg.LinAlgError as error:
                raise NumericalError(
                    f"{self.name}: expected a positive definite matrix, found one of size {self.matrix.shape[0]} that is not; "
                    f"raise diag_reg, now {self.diag_reg}"
                ) from error
        return self.xp.linalg.cholesky(self.matrix)

    def solve(self, b: Any) -> Any:
        """M⁻¹ b."""
        return _triangular(self.xp, self.factor, _triangular(self.xp, self.factor, b, False), True)

    @functools.cached_property
    def basis(self) -> tuple[Any, Any]:
        """Eigenvalues and eigenvectors."""
        return self.xp.linalg.eigh(self.matrix)

    def function(self, values: Any, b: Any) -> Any:
        """V diag(values) Vᵀ b, with the axes of times that `values` has in front."""
        _, vectors = self.basis
        return vectors @ (values[..., :, None] * (vectors.T @ b))


def _triangular(xp, factor: Any, b: Any, is_transposed: bool) -> Any:
    if xp is np:
        try:
            from scipy.linalg import solve_triangular

            return solve_triangular(factor, b, lower=True, trans=1 if is_transposed else 0, check_finite=False)
        except ImportError:
            return _substituted(factor, b, is_transposed)
    from jax.scipy.linalg import solve_triangular

    return solve_triangular(factor, b, lower=True, trans=1 if is_transposed else 0)


def _substituted(factor: np.ndarray, b: np.ndarray, is_transposed: bool) -> np.ndarray:
    """Substitution in blocks, where there is no SciPy."""
    matrix = factor.T if is_transposed else factor
    size, step = matrix.shape[0], 64
    x = np.array(b, dtype=np.result_type(factor, b))
    starts = range(0, size, step)
    for start in reversed(starts) if is_transposed else starts:
        block = slice(start, min(start + step, size))
        done = slice(block.stop, size) if is_transposed else slice(0, start)
        x[block] = np.linalg.solve(matrix[block, block], x[block] - matrix[block, done] @ x[done])
    return x


def _times(xp, t: Any) -> Any:
    """A training time, or an array of them; they may be infinite."""
    t = xp.asarray(t)
    if not _is_traced(t):
        if not (np.asarray(t, dtype=float) >= 0).all():
            raise ValueError(f"t: expected times of at least 0, found {t!r}")
    return t


def _decay(xp, eigenvalues: Any, rate: Any) -> Any:
    """exp(-λ·rate) of every eigenvalue, with the axes of `rate` in front; below 0 they count as 0."""
    values = xp.maximum(eigenvalues, 0)
    # Infinite times with an eigenvalue 0 would be 0 · ∞.
    product = xp.where(values > 0, values * xp.where(values > 0, rate[..., None], 1), 0)
    return xp.exp(-product)


def _integral(xp, eigenvalues: Any, rate: Any) -> Any:
    """(1 − exp(−λ·rate)) / λ of every eigenvalue; its limit `rate` where λ is 0."""
    values = xp.maximum(eigenvalues, 0)
    tiny = np.finfo(np.asarray(0, dtype=eigenvalues.dtype).dtype).tiny * 1e3
    is_zero = values <= tiny
    safe = xp.where(is_zero, 1, values)
    rates = xp.broadcast_to(rate[..., None], (*rate.shape, values.shape[0]))
    finite = xp.where(xp.isinf(rates), 1, rates)
    grown = xp.where(xp.isinf(rates), 1 / safe, -xp.expm1(-safe * finite) / safe)
    return xp.where(is_zero, rates, grown)


def _rate(xp, t: Any, learning_rate: float, count: int, dtype: Any) -> Any:
    return _times(xp, t).astype(dtype) * learning_rate / count


# ----------------------------------------------------------------------------------------------------- gradient descent


def gradient_descent_mse(
    k_train_train: Any,
    y_train: Any,
    learning_rate: float = 1.0,
    diag_reg: float = 0.0,
    diag_reg_absolute_scale: bool = False,
    trace_axes: Axes = (-1,),
) -> Callable:
    """Outputs of a network of constant tangent kernel under gradient flow on the mean squared error.

    Parameters
    ----------
    k_train_train : array of shape `(points, points)`
        The tangent kernel; with output axes that are not trace axes, a pair of axes for each behind those.
    y_train : array of shape `(points, outputs…)`
    learning_rate : float
        Flow time per unit of `t`.
    diag_reg : float
        Added to the diagonal, relative to its mean.
    diag_reg_absolute_scale : bool
        Whether it is added as it is.
    trace_axes : int or sequence of int
        Output axes that the kernel has not, as outputs along them are independent.

    Returns
    -------
    predict_fn : function `(t=None, fx_train_0=0., fx_test_0=None, k_test_train=None)`
        Outputs on the train points, on test points, or a tuple of both, whichever has outputs to begin with. `t` is a time, an
        array of times whose axes lead those of the result, or None for infinity.

    Examples
    --------
    >>> import numpy as np
    >>> predict_fn = gradient_descent_mse(np.eye(2), np.ones((2, 1)))
    >>> predict_fn(2.0, 0.0).round(3).tolist()
    [[0.632], [0.632]]
    """
    xp = _namespace(k_train_train, y_train)
    y = _as_array(xp, y_train, "y_train")
    _require_finite("y_train", y)
    outputs = _Outputs(y.shape, trace_axes)
    system = _System(_as_array(xp, k_train_train, "k_train_train"), outputs, diag_reg, diag_reg_absolute_scale, "k_train_train")
    rows_y = outputs.rows(xp, y)
    count = math.prod(y.shape)

    def predict_fn(t: Any = None, fx_train_0: Any = 0.0, fx_test_0: Any = None, k_test_train: Any = None):
        """Outputs at time `t`; see `gradient_descent_mse`."""
        if fx_train_0 is None and fx_test_0 is None:
            raise ValueError("fx_train_0, fx_test_0: expected outputs to begin with on train or test points, found neither")
        xp = _namespace(k_train_train, y_train, t, fx_train_0, fx_test_0, k_test_train)
        start = 0.0 if fx_train_0 is None else fx_train_0
        start = xp.broadcast_to(xp.asarray(start, dtype=y.dtype), y.shape)
        residual = rows_y - outputs.rows(xp, start)
        rate = None if t is None else _rate(xp, t, learning_rate, count, system.matrix.dtype)
        result = []
        if fx_train_0 is not None:
            if rate is None:
                result.append(y)
            else:
                change = system.function(1 - _decay(xp, system.basis[0], rate), residual)
                result.append(start + outputs.outputs(xp, change, system.sizes))
        if fx_test_0 is not None:
            if k_test_train is None:
                raise ValueError("k_test_train: expected the kernel of test points with train points, found None")
            kernel, sizes = outputs.matrix(xp, _as_array(xp, k_test_train, "k_test_train"), "k_test_train", outputs.size)
            if rate is None:
                weights = system.solve(residual)
            else:
                weights = system.function(_integral(xp, system.basis[0], rate), residual)
            change = outputs.outputs(xp, kernel @ weights, sizes)
            result.append(xp.asarray(fx_test_0, dtype=y.dtype) + change)
        return result[0] if len(result) == 1 else tuple(result)

    return predict_fn


def gradient_descent(
    loss: Callable,
    k_train_train: Any,
    y_train: Any,
    learning_rate: float = 1.0,
    momentum: float | None = None,
    trace_axes: Axes = (-1,),
    rtol: float = 1e-8,
    atol: float = 1e-10,
) -> Callable:
    """Outputs of a network of constant tangent kernel under gradient flow on any loss, with or without momentum.

    Parameters
    ----------
    loss : function `(fx, y) -> scalar`
        Of JAX arrays where it is a function of JAX, whose gradient JAX then takes; of NumPy arrays otherwise, when it has to have
        an attribute `gradient`, a function `(fx, y)` that gives it.
    k_train_train, y_train, learning_rate, trace_axes
        As of `gradient_descent_mse`.
    momentum : float, optional
        Of gradient descent with momentum, from 0 up to but not including 1.
    rtol, atol : float
        Accuracy of the integration, by SciPy's implicit Radau method: flows are stiff.

    Returns
    -------
    predict_fn : function `(t=None, fx_train_or_state_0=0., fx_test_0=None, k_test_train=None)`
        Outputs at the time or ascending times `t` on train points, test points or both, whichever there are outputs of to begin
        with; `ODEState` when it is given one. The initial state when `t` is None.
    """
    if _is_traced(k_train_train, y_train):
        raise TypeError("gradient_descent: expected numbers, found arrays inside a function that JAX traces")
    y = np.asarray(y_train, dtype=np.float64)
    _require_finite("y_train", y)
    outputs = _Outputs(y.shape, trace_axes)
    system = _System(np.asarray(k_train_train, dtype=np.float64), outputs, 0.0, False, "k_train_train")
    gradient = _loss_gradient(loss, y, y_train)
    if momentum is not None and not 0 <= momentum < 1:
        raise ValueError(f"momentum: expected a number from 0 up to but not including 1, found {momentum}")
    convert = _arrays.Converter([k_train_train, y_train])
    dtype = _arrays.to_numpy(y_train, "y_train").dtype

    def predict_fn(t: Any = None, fx_train_or_state_0: Any = 0.0, fx_test_0: Any = None, k_test_train: Any = None):
        """Outputs at time `t`; see `gradient_descent`."""
        state = fx_train_or_state_0
        is_state = isinstance(state, ODEState)
        if not is_state:
            state = ODEState(state, fx_test_0)
        elif fx_test_0 is not None:
            raise ValueError("fx_test_0: expected None beside a state, which has it, found outputs")
        if momentum is None and (state.qx_train is not None or state.qx_test is not None):
            raise ValueError("fx_train_or_state_0: expected no momentum variables without momentum, found some")
        if state.fx_train is None:
            raise ValueError("fx_train_or_state_0: expected outputs on train points to begin with, found None")
        train = np.broadcast_to(np.asarray(state.fx_train, dtype=np.float64), y.shape)
        test, kernel, sizes = None, None, None
        if state.fx_test is not None:
            if k_test_train is None:
                raise ValueError("k_test_train: expected the kernel of test points with train points, found None")
            kernel, sizes = outputs.matrix(np, np.asarray(k_test_train, dtype=np.float64), "k_test_train", outputs.size)
            trace = [y.shape[axis] for axis in outputs.trace]
            shape = outputs.outputs(np, np.zeros((kernel.shape[0], math.prod(trace))), sizes).shape
            test = np.broadcast_to(np.asarray(state.fx_test, dtype=np.float64), shape)
        flow = _Flow(outputs, system.matrix, kernel, gradient, momentum, learning_rate)
        times = np.zeros(0) if t is None else np.asarray(t, dtype=np.float64)
        if times.ndim > 1 or (times < 0).any() or not np.isfinite(times).all() or (times.ndim and (np.diff(times) <= 0).any()):
            raise ValueError(f"t: expected a finite time of at least 0, or ascending ones, found {t!r}")
        start = flow.pack(train, test, state.qx_train, state.qx_test)
        if t is None:
            values = start[None]
        else:
            values = flow.integrate(start, np.atleast_1d(times), rtol, atol)
        parts = [flow.unpack(value, y.shape, sizes) for value in values]

        def joined(index):
            if parts[0][index] is None:
                return None
            arrays = [part[index] for part in parts]
            array = np.stack(arrays) if t is not None and times.ndim else arrays[0]
            return convert(array.astype(dtype))

        found = ODEState(*(joined(index) for index in range(4)))
        if is_state:
            return found
        return found.fx_train if found.fx_test is None else (found.fx_train, found.fx_test)

    return predict_fn


def _loss_gradient(loss: Callable, y: np.ndarray, y_given: Any) -> Callable:
    """The gradient of a loss in its first argument."""
    own = getattr(loss, "gradient", None)
    if own is not None:
        return lambda f: np.asarray(own(f, y), dtype=np.float64)
    jax = _arrays.jax_module()
    if jax is None:
        raise TypeError(
            "loss: expected a function with an attribute `gradient`, or JAX to be imported to differentiate it, found neither"
        )
    from ._functions import _double_precision

    def gradient(f):
        with _double_precision(jax):
            return np.asarray(compiled(jax.numpy.asarray(f), jax.numpy.asarray(y)), dtype=np.float64)

    compiled = jax.jit(jax.grad(loss))
    return gradient


class _Flow:
    """The differential equation of a gradient flow, as vectors."""

    def __init__(self, outputs, kernel, test_kernel, gradient, momentum, learning_rate):
        self.outputs, self.kernel, self.test_kernel = outputs, kernel, test_kernel
        self.gradient, self.momentum, self.learning_rate = gradient, momentum, learning_rate
        self.columns = math.prod(outputs.shape[axis] for axis in outputs.trace)
        self.train_size = kernel.shape[0] * self.columns
        self.test_size = 0 if test_kernel is None else test_kernel.shape[0] * self.columns

    def pack(self, train, test, q_train, q_test) -> np.ndarray:
        parts = [self.outputs.rows(np, train).ravel()]
        if test is not None:
            parts.append(self.outputs.rows(np, test).ravel())
        if self.momentum is not None:
            for q, size, shape in ((q_train, self.train_size, train), (q_test, self.test_size, test)):
                if size:
                    q = np.zeros(shape.shape) if q is None else np.asarray(q, dtype=np.float64)
                    parts.append(self.outputs.rows(np, q).ravel())
        return np.concatenate(parts)

    def unpack(self, vector, shape, sizes) -> tuple:
        def take(start, size, rows):
            matrix = vector[start : start + size].reshape(-1, self.columns)
            return self.outputs.outputs(np, matrix, rows)

        rows = [shape[axis] for axis in self.outputs.other]
        train = take(0, self.train_size, rows)
        test = take(self.train_size, self.test_size, sizes) if self.test_size else None
        if self.momentum is None:
            return train, test, None, None
        start = self.train_size + self.test_size
        q_train = take(start, self.train_size, rows)
        q_test = take(start + self.train_size, self.test_size, sizes) if self.test_size else None
        return train, test, q_train, q_test

    def slope(self, vector: np.ndarray) -> np.ndarray:
        rows = [self.outputs.shape[axis] for axis in self.outputs.other]
        f = self.outputs.outputs(np, vector[: self.train_size].reshape(-1, self.columns), rows)
        gradient = self.outputs.rows(np, self.gradient(f))
        force = [-(self.kernel @ gradient).ravel()]
        if self.test_size:
            force.append(-(self.test_kernel @ gradient).ravel())
        force = np.concatenate(force)
        if self.momentum is None:
            return self.learning_rate * force
        q = vector[self.train_size + self.test_size :]
        root = math.sqrt(self.learning_rate)
        return np.concatenate([q * root, (force + (self.momentum - 1) / root * q) * root])

    def integrate(self, start, times, rtol, atol) -> np.ndarray:
        try:
            from scipy.integrate import solve_ivp
        except ImportError as error:
            raise ImportError("gradient_descent integrates with SciPy: install scipy") from error
        if times[-1] == 0:
            return np.stack([start] * len(times))
        method = "Radau" if len(start) <= 600 else "DOP853"
        found = solve_ivp(
            lambda _, vector: self.slope(vector), (0.0, float(times[-1])), start, method=method, t_eval=times, rtol=rtol, atol=atol
        )
        if not found.success:
            raise NumericalError(f"gradient_descent: expected the flow at time {times[-1]}, found {found.message}")
        return found.y.T


# ------------------------------------------------------------------------------------------------ Gaussian inference


_KINDS = ("nngp", "ntk", "ntkgp")


def _kinds(get: Any) -> tuple[bool, tuple[str, ...]]:
    is_single, names = canonicalize_get(get)
    if names is None:
        return False, ("nngp", "ntk")
    for name in names:
        if name not in _KINDS:
            raise ValueError(f"get: expected names among {', '.join(_KINDS)}, found {name!r}")
    return is_single, names


def _field(kernel: Any, name: str, argument: str) -> Any:
    """The NNGP or the NTK of a kernel, a named tuple, a dictionary, or of the array that is both."""
    if kernel is None:
        return None
    if isinstance(kernel, dict):
        found = kernel.get(name)
    elif isinstance(kernel, Kernel) or hasattr(kernel, name):
        found = getattr(kernel, name)
    elif hasattr(kernel, "_fields"):
        found = None
    else:
        found = kernel
    if found is None:
        raise ValueError(f"{argument}: expected its {name}, found none")
    return found


def _several(xp, is_single: bool, names: tuple[str, ...], values: list) -> Any:
    return values[0] if is_single else named_tuple("Predictions", names)(*values)


def gp_inference(
    k_train_train: Any, y_train: Any, diag_reg: float = 0.0, diag_reg_absolute_scale: bool = False, trace_axes: Axes = (-1,)
) -> Callable:
    """Predictions of the infinite ensemble trained to the end, from kernels.

    Parameters
    ----------
    k_train_train : Kernel, named tuple, dictionary or array
        The kernels of the train points, with `nngp` and `ntk` as far as they are needed; an array stands for either.
    y_train, diag_reg, diag_reg_absolute_scale, trace_axes
        As of `gradient_descent_mse`.

    Returns
    -------
    predict_fn : function `(get=None, k_test_train=None, k_test_test=None)`
        The mean for "nngp", "ntk" or "ntkgp", or a named tuple for several; with `k_test_test` a `Gaussian`. Without
        `k_test_train` those of the train points.
    """
    xp = _namespace(y_train, *_leaves(k_train_train))
    y = _as_array(xp, y_train, "y_train")
    _require_finite("y_train", y)
    outputs = _Outputs(y.shape, trace_axes)

    @functools.cache
    def system(name: str) -> _System:
        kernel = _as_array(xp, _field(k_train_train, name, "k_train_train"), f"k_train_train ({name})")
        return _System(kernel, outputs, diag_reg, diag_reg_absolute_scale, f"k_train_train ({name})")

    @functools.cache
    def weights(name: str) -> Any:
        return system(name).solve(outputs.rows(xp, y))

    def predict_fn(get: Any = None, k_test_train: Any = None, k_test_test: Any = None):
        """Predictions; see `gp_inference`."""
        is_single, names = _kinds(get)
        xp = _namespace(y_train, *_leaves(k_train_train), *_leaves(k_test_train), *_leaves(k_test_test))
        results = []
        for kind in names:
            name = "nngp" if kind == "nngp" else "ntk"
            if k_test_train is None:
                if k_test_test is None:
                    results.append(y)
                else:
                    sizes = system(name).sizes
                    zero = xp.zeros((outputs.size, outputs.size), dtype=y.dtype)
                    results.append(Gaussian(y, outputs.kernel(xp, zero, sizes, sizes)))
                continue
            test = _as_array(xp, _field(k_test_train, name, "k_test_train"), "k_test_train")
            matrix, sizes = outputs.matrix(xp, test, "k_test_train", outputs.size)
            mean = outputs.outputs(xp, matrix @ weights(name), sizes)
            if k_test_test is None:
                results.append(mean)
                continue
            prior_name = "ntk" if kind == "ntkgp" else "nngp"
            prior = _as_array(xp, _field(k_test_test, prior_name, "k_test_test"), "k_test_test")
            covariance, _ = outputs.matrix(xp, prior, "k_test_test")
            if kind == "ntk":
                a = system("ntk").solve(matrix.T).T
                k_dd = system("nngp").plain
                k_td = _as_array(xp, _field(k_test_train, "nngp", "k_test_train"), "k_test_train")
                k_td, _ = outputs.matrix(xp, k_td, "k_test_train", outputs.size)
                cross = a @ k_td.T
                covariance = covariance + a @ k_dd @ a.T - (cross + cross.T)
            else:
                half = _triangular(xp, system(name).factor, matrix.T, False)
                covariance = covariance - half.T @ half
            results.append(Gaussian(mean, outputs.kernel(xp, covariance, sizes, sizes)))
        return _several(xp, is_single, names, results)

    return predict_fn


def _leaves(kernel: Any) -> list:
    """The arrays of a kernel in any of its forms."""
    if kernel is None:
        return []
    if isinstance(kernel, Kernel):
        return [kernel.nngp, kernel.ntk]
    if isinstance(kernel, dict):
        return list(kernel.values())
    return list(kernel) if isinstance(kernel, tuple) else [kernel]


def gradient_descent_mse_ensemble(
    kernel_fn: Callable,
    x_train: Any,
    y_train: Any,
    learning_rate: float = 1.0,
    diag_reg: float = 0.0,
    diag_reg_absolute_scale: bool = False,
    trace_axes: Axes = (-1,),
    **kernel_fn_train_train_kwargs: Any,
) -> Callable:
    """The infinite ensemble of networks trained by gradient flow on the mean squared error: mean and covariance at any time.

    Parameters
    ----------
    kernel_fn : function `(x1, x2, get, **kwargs)`
        A layer's `kernel_fn`, or another function that gives kernels.
    x_train : array, or tree of arrays
    y_train : array of shape `(points, outputs…)`
    learning_rate, diag_reg, diag_reg_absolute_scale, trace_axes
        As of `gradient_descent_mse`.
    **kernel_fn_train_train_kwargs
        Arguments of `kernel_fn` for the train points, such as `pattern` or `mask_constant`.

    Returns
    -------
    predict_fn : function `(t=None, x_test=None, get=None, compute_cov=False, **kwargs)`
        The mean for "nngp", "ntk" or "ntkgp", or a named tuple for several (by default "nngp" and "ntk"); with `compute_cov` a
        `Gaussian`. `t` is a time, an array of times whose axes lead those of the result, or None for infinity; without `x_test` the
        predictions are those of the train points.

    Examples
    --------
    >>> import numpy as np
    >>> from swift_neural_tangents import stax
    >>> _, _, kernel_fn = stax.serial(stax.Dense(1), stax.Erf(), stax.Dense(1))
    >>> predict_fn = gradient_descent_mse_ensemble(kernel_fn, np.eye(3), np.ones((3, 1)), diag_reg=1e-4)
    >>> predict_fn(t=[1.0, 10.0], x_test=np.ones((2, 3)), get="ntk").shape
    (2, 2, 1)
    """
    xp = _namespace(y_train, *_arrays.leaves(x_train))
    y = _as_array(xp, y_train, "y_train")
    _require_finite("y_train", y)
    outputs = _Outputs(y.shape, trace_axes)
    count = math.prod(y.shape)

    def kernels(x1, x2, names, arguments):
        names = tuple(sorted(names))
        found = kernel_fn(x1, x2, names, **arguments)
        return dict(zip(names, found))

    train_kernels: dict[str, Any] = {}

    def train(name: str) -> Any:
        if name not in train_kernels:
            train_kernels.update(kernels(x_train, None, wanted.union({name}) - set(train_kernels), kernel_fn_train_train_kwargs))
        return train_kernels[name]

    wanted: set[str] = set()
    systems: dict[str, _System] = {}

    def system(name: str) -> _System:
        if name not in systems:
            kernel = _as_array(xp, train(name), f"k_train_train ({name})")
            systems[name] = _System(kernel, outputs, diag_reg, diag_reg_absolute_scale, f"k_train_train ({name})")
        return systems[name]

    def predict_fn(
        t: Any = None, x_test: Any = None, get: Any = None, compute_cov: bool = False, **kernel_fn_test_test_kwargs: Any
    ):
        """Predictions at time `t`; see `gradient_descent_mse_ensemble`."""
        is_single, names = _kinds(get)
        needed = {"nngp" if kind == "nngp" else "ntk" for kind in names}
        if compute_cov and "ntk" in names:
            needed.add("nngp")
        wanted.update(needed)
        for name in needed:
            train(name)
        test_train, test_test = {}, {}
        if x_test is not None:
            arguments = _between(kernel_fn_test_test_kwargs, kernel_fn_train_train_kwargs)
            test_train = kernels(x_test, x_train, needed, arguments)
            if compute_cov:
                priors = {"ntk" if kind == "ntkgp" else "nngp" for kind in names}
                test_test = kernels(x_test, None, priors, kernel_fn_test_test_kwargs)
        if t is None:
            given = {name: train(name) for name in needed}
            predict = gp_inference(given, y, diag_reg, diag_reg_absolute_scale, trace_axes)
            # The decompositions are those of before.
            return _at_infinity(predict, is_single, names, x_test, test_train, test_test, compute_cov)
        xp = _namespace(y, t, *test_train.values(), *[train(name) for name in needed])
        rate = _rate(xp, t, learning_rate, count, y.dtype)
        results = [
            _at_time(xp, kind, rate, y, outputs, system, test_train, test_test, x_test is None, compute_cov) for kind in names
        ]
        return _several(xp, is_single, names, results)

    return predict_fn


def _at_infinity(predict, is_single, names, x_test, test_train, test_test, compute_cov):
    if x_test is None:
        found = predict(names, None, {"nngp": 0, "ntk": 0} if compute_cov else None)
    else:
        found = predict(names, test_train, test_test if compute_cov else None)
    return found[0] if is_single else found


def _between(test: dict, train: dict) -> dict:
    """Arguments for the kernel of test points with train points: those that have one value for each are pairs."""
    result = {}
    for name in {**test, **train}:
        a, b = test.get(name), train.get(name)
        result[name] = (_first(a), _first(b)) if name == "pattern" else (a if a is not None else b)
    return result


def _first(pattern: Any) -> Any:
    return pattern[0] if isinstance(pattern, (tuple, list)) else pattern


def _at_time(xp, kind, rate, y, outputs, system, test_train, test_test, is_train, compute_cov):
    """The prediction of one ensemble at finite times (or infinite ones among them)."""
    name = "nngp" if kind == "nngp" else "ntk"
    own = system(name)
    eigenvalues, vectors = own.basis
    rows = outputs.rows(xp, y)
    decay = _decay(xp, eigenvalues, rate)
    if is_train:
        mean = outputs.outputs(xp, own.function(1 - decay, rows), own.sizes)
        if not compute_cov:
            return mean
        if kind == "ntk":
            left = vectors * decay[..., None, :] @ vectors.T
            covariance = left @ system("nngp").plain @ xp.swapaxes(left, -1, -2)
        else:
            values = xp.maximum(eigenvalues, 0) * _decay(xp, eigenvalues, 2 * rate)
            covariance = vectors * values[..., None, :] @ vectors.T
        return Gaussian(mean, outputs.kernel(xp, covariance, own.sizes, own.sizes))
    matrix, sizes = outputs.matrix(xp, _as_array(xp, test_train[name], "k_test_train"), "k_test_train", outputs.size)
    growth = _integral(xp, eigenvalues, rate)
    mean = outputs.outputs(xp, matrix @ own.function(growth, rows), sizes)
    if not compute_cov:
        return mean
    prior, _ = outputs.matrix(xp, _as_array(xp, test_test["ntk" if kind == "ntkgp" else "nngp"], "k_test_test"), "k_test_test")
    in_basis = matrix @ vectors
    if kind == "ntk":
        a = in_basis * growth[..., None, :] @ vectors.T
        k_td, _ = outputs.matrix(xp, _as_array(xp, test_train["nngp"], "k_test_train"), "k_test_train", outputs.size)
        cross = a @ k_td.T
        covariance = prior + a @ system("nngp").plain @ xp.swapaxes(a, -1, -2) - cross - xp.swapaxes(cross, -1, -2)
    else:
        values = _integral(xp, eigenvalues, 2 * rate)
        covariance = prior - in_basis * values[..., None, :] @ in_basis.T
    return Gaussian(mean, outputs.kernel(xp, covariance, sizes, sizes))


def max_learning_rate(ntk_train_train: Any, y_train_size: int | None = None, momentum: float = 0.0, eps: float = 1e-12) -> Any:
    """The largest learning rate for which gradient descent on the mean squared error is stable.

    Parameters
    ----------
    ntk_train_train : array
        The tangent kernel of the train points, with its pairs of axes as of `gradient_descent_mse`.
    y_train_size : int, optional
        Entries of the targets; by default rows of the kernel.
    momentum : float
        Of gradient descent with momentum.
    eps : float
        Added to the largest eigenvalue.

    Examples
    --------
    >>> import numpy as np
    >>> float(max_learning_rate(2 * np.eye(3)))
    2.9999999999985
    """
    xp = _namespace(ntk_train_train)
    kernel = _as_array(xp, ntk_train_train, "ntk_train_train")
    _require_finite("ntk_train_train", kernel)
    if kernel.ndim % 2 or kernel.ndim == 0:
        raise ValueError(f"ntk_train_train: expected pairs of axes, found shape {tuple(kernel.shape)}")
    order = [*range(0, kernel.ndim, 2), *range(1, kernel.ndim, 2)]
    size = math.prod(kernel.shape[::2])
    matrix = xp.transpose(kernel, order).reshape(size, -1)
    if matrix.shape[0] != matrix.shape[1]:
        raise ValueError(f"ntk_train_train: expected as many rows as columns, found shape {tuple(kernel.shape)}")
    largest = xp.linalg.eigvalsh(matrix)[-1]
    count = size if y_train_size is None else y_train_size
    return 2 * (1 + momentum) * count / (largest + eps)
