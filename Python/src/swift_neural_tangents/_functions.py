"""Activations that are Python functions: the library calls them by a number, on arrays, while the caller waits."""

from __future__ import annotations

import ctypes
import itertools
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from . import _arrays
from . import _library as lib
from ._layers import Layer, layer

_FUNCTION, _DUAL, _DERIVATIVE_DUAL = range(3)
_DOUBLES = ctypes.POINTER(ctypes.c_double)
_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int32, ctypes.c_int64, _DOUBLES, _DOUBLES, _DOUBLES, _DOUBLES)

_numbers = itertools.count()
_known: dict[int, "Functions"] = {}
_lock = threading.Lock()
_exceptions: list[BaseException] = []


class Functions:
    """The function of an activation, its dual, and its derivative dual; what is not there is None."""

    def __init__(self, function: Callable | None, dual: Callable | None, derivative_dual: Callable | None):
        self.parts = (function, dual, derivative_dual)

    def node(self) -> dict:
        """A node by which the library knows them in this process."""
        with _lock:
            number = next(_numbers)
            _known[number] = self
        _set_callback()
        function, dual, derivative_dual = (part is not None for part in self.parts)
        return {
            "externalActivation": {
                "id": number,
                "hasFunction": function,
                "hasDual": dual,
                "hasDerivativeDual": derivative_dual,
            }
        }


def functions_of(node: dict) -> Functions:
    """The functions of a node that this process made."""
    number = node["externalActivation"]["id"]
    if number not in _known:
        raise lib.NetworkError("externalActivation: expected functions of this process, found those of another")
    return _known[number]


def _call(number, part, count, a, b, c, result) -> int:
    try:
        arrays = [np.ctypeslib.as_array(pointer, (count,)) for pointer in (a, b, c) if pointer]
        values = np.asarray(_known[number].parts[part](*arrays), dtype=np.float64)
        np.ctypeslib.as_array(result, (count,))[:] = values
        return 0
    except BaseException as error:  # nothing may escape into the library
        _exceptions.append(error)
        return 1


_callback = _CALLBACK(_call)


def _set_callback() -> None:
    lib.library.nt_set_callback(ctypes.cast(_callback, ctypes.c_void_p))


def take_exception() -> BaseException | None:
    """The exception that a function raised inside the library, once."""
    if not _exceptions:
        return None
    error = _exceptions[-1]
    _exceptions.clear()
    return error


# ------------------------------------------------------------------------------------------------------------------ layers


def _name(*functions: Any) -> str:
    for function in functions:
        if function is not None:
            return getattr(function, "__name__", type(function).__name__)
    return "Elementwise"


class _JaxDerivative:
    """The derivative of a function in its first argument, element by element, by JAX."""

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, first, *others):
        import jax

        def derivative(*arguments):
            one = jax.numpy.ones_like(arguments[0])
            return jax.jvp(lambda x: self.function(x, *arguments[1:]), (arguments[0],), (one,))[1]

        with _double_precision(jax):
            return np.asarray(derivative(*[jax.numpy.asarray(x) for x in (first, *others)]))


def _double_precision(jax):
    import contextlib

    enable = getattr(jax, "enable_x64", None)
    if callable(enable):
        return enable(True)
    try:
        from jax.experimental import enable_x64

        return enable_x64()
    except ImportError:
        return contextlib.nullcontext()


class _OfArrays:
    """A function that may be JAX's, called on NumPy arrays in double precision."""

    def __init__(self, function: Callable):
        self.function = function

    def __call__(self, *arrays):
        jax = _arrays.jax_module()
        if jax is None:
            return self.function(*arrays)
        with _double_precision(jax):
            return np.asarray(self.function(*arrays))


def elementwise(fn: Callable | None, nngp_fn: Callable | None, d_nngp_fn: Callable | None) -> Layer:
    """`stax.Elementwise`."""
    if fn is None and nngp_fn is None:
        raise ValueError("fn, nngp_fn: expected a function or its dual, found neither")
    for name, function in (("fn", fn), ("nngp_fn", nngp_fn), ("d_nngp_fn", d_nngp_fn)):
        if function is not None and not callable(function):
            raise TypeError(f"{name}: expected a function, found {function!r}")
    derivative = d_nngp_fn
    if derivative is None and nngp_fn is not None and _arrays.jax_module() is not None:
        derivative = _JaxDerivative(nngp_fn)
        warnings.warn(
            "d_nngp_fn was not given: JAX differentiates nngp_fn, whose derivative has to be finite where variances are 0",
            stacklevel=3,
        )
    parts = Functions(*(None if part is None else _OfArrays(part) for part in (fn, nngp_fn, derivative)))
    return layer(parts.node(), _name(fn, nngp_fn))


class _Quadrature:
    """E[f(u) f(v)] by Gauss-Hermite quadrature in both variables."""

    def __init__(self, function: Callable, degree: int):
        self.function = function
        self.nodes, self.weights = np.polynomial.hermite.hermgauss(degree)

    def __call__(self, q12, q11, q22):
        # v is taken given u; u given v where u is constant.
        is_constant = q11 <= 0
        first = np.where(is_constant, q22, q11)
        second = np.where(is_constant, q11, q22)
        deviation = np.sqrt(2 * np.maximum(first, 0))
        divisor = np.sqrt(np.where(first <= 0, 1.0, first))
        slope = np.sqrt(2) * q12 / divisor
        spread = np.sqrt(2 * np.maximum(second - (q12 / divisor) ** 2, 0))
        total = np.zeros_like(q12)
        for node, weight in zip(self.nodes, self.weights):
            inner = np.zeros_like(q12)
            for other, other_weight in zip(self.nodes, self.weights):
                inner += other_weight * np.asarray(self.function(node * slope + other * spread))
            total += weight / np.pi * np.asarray(self.function(node * deviation)) * inner
        return total


# Functions of NumPy, JAX and torch that the library has by name.
_NAMES = {
    "tanh": "tanh",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "softplus": "softplus",
    "soft_sign": "softsign",
    "softsign": "softsign",
    "silu": "silu",
    "swish": "silu",
    "mish": "mish",
    "elu": "elu",
    "selu": "selu",
    "relu": "relu",
    "hard_tanh": "hardTanh",
    "hardTanh": "hardTanh",
    "erf": "erf",
    "sin": "sin",
    "cos": "cos",
    "gelu": "gelu",
}


def _known_values(name: str, x: np.ndarray) -> np.ndarray | None:
    """What the library's function of this name gives, to tell whether a function of the same name is it."""
    import math

    logistic = 1 / (1 + np.exp(-x))
    softplus = np.log1p(np.exp(x))
    negative = np.expm1(np.minimum(x, 0))
    erf = np.array([math.erf(value) for value in x])
    return {
        "tanh": np.tanh(x),
        "sigmoid": logistic,
        "softplus": softplus,
        "softsign": x / (1 + abs(x)),
        "silu": x * logistic,
        "mish": x * np.tanh(softplus),
        "elu": np.where(x > 0, x, negative),
        "selu": 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * negative),
        "relu": np.maximum(x, 0),
        "hardTanh": np.clip(x, -1, 1),
        "erf": erf,
        "sin": np.sin(x),
        "cos": np.cos(x),
        "gelu": x * (1 + np.array([math.erf(value / math.sqrt(2)) for value in x])) / 2,
    }.get(name)


def _library_name(function: Any) -> str | None:
    """The library's name for a function, where it has one; the function has to be the same, not only called so."""
    if isinstance(function, str):
        return function
    name = _NAMES.get(getattr(function, "__name__", ""))
    if name is None:
        return None
    probe = np.array([-2.5, -1.0, -0.3, 0.2, 0.9, 1.7])
    try:
        found = np.asarray(function(probe), dtype=np.float64)
    except Exception:
        return None
    expected = _known_values(name, probe)
    return name if expected is not None and np.allclose(found, expected, rtol=1e-5, atol=1e-6) else None


def numerical(fn: Any, deg: int, df: Callable | None) -> Layer:
    """`stax.ElementwiseNumerical`."""
    if isinstance(deg, bool) or not isinstance(deg, (int, np.integer)) or deg < 1:
        raise ValueError(f"deg: expected an integer of at least 1, found {deg!r}")
    name = _library_name(fn) if df is None else None
    if name is not None:
        return layer({"numerical": {"function": name, "degree": int(deg)}}, name)
    if not callable(fn):
        raise TypeError(f"fn: expected a function, found {fn!r}")
    derivative = df
    if derivative is None and _arrays.jax_module() is not None:
        derivative = _JaxDerivative(fn)
    parts = Functions(
        _OfArrays(fn),
        _Quadrature(_OfArrays(fn), int(deg)),
        None if derivative is None else _Quadrature(_OfArrays(derivative), int(deg)),
    )
    return layer(parts.node(), _name(fn))
