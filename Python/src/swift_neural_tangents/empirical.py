"""Kernels of finite networks, and their linear and Taylor expansions in the parameters.

Networks of `stax` with NumPy arrays are computed by the library; any other function, and any arrays of JAX, by JAX, which is
imported when it is first needed.
"""

from __future__ import annotations

import ctypes
import enum
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _arrays
from . import _library as lib
from ._jobs import Job
from ._layers import ApplyFn, engine_parameters, parameter_tree
from ._network import key_words, options, pattern_array
from .kernels import canonicalize_get, named_tuple, pair_of_patterns

__all__ = [
    "linearize",
    "taylor_expand",
    "empirical_nngp_fn",
    "empirical_ntk_fn",
    "empirical_kernel_fn",
    "empirical_ntk_vp_fn",
    "NtkImplementation",
]

Axes = int | Sequence[int]


class NtkImplementation(enum.IntEnum):
    """How a tangent kernel is computed; all ways give the same numbers to rounding.

    In the library AUTO chooses the fastest by counted operations. In JAX, AUTO and STRUCTURED_DERIVATIVES choose between the other
    two by the sizes of outputs and parameters.
    """

    AUTO = 0
    JACOBIAN_CONTRACTION = 1
    NTK_VECTOR_PRODUCTS = 2
    STRUCTURED_DERIVATIVES = 3


def _runs_in_library(f: Any, params: Any, *inputs: Any) -> bool:
    """Whether `f` is a network of ours and nothing is JAX's."""
    if not isinstance(f, ApplyFn):
        return False
    _, arrays = engine_parameters(f.node, params)
    given = arrays + [leaf for x in inputs if x is not None for leaf in _arrays.leaves(x)]
    return not any(_arrays.is_jax(x) for x in given)


def _jax():
    from ._jax import empirical

    return empirical


def _axes(axes: Axes) -> list[int]:
    return [int(axes)] if isinstance(axes, (int, np.integer)) else [int(axis) for axis in axes]


def _settings(kwargs: dict) -> dict:
    """Options of a call of the library from the arguments of `apply_fn`."""
    rng = kwargs.get("rng")
    return {
        "mask_constant": kwargs.get("mask_constant"),
        "threads": kwargs.get("threads"),
        "key": None if rng is None else key_words(rng, "rng"),
    }


# ------------------------------------------------------------------------------------------------------------ expansions


def linearize(f: Callable, params: Any) -> Callable:
    """The linear approximation of a function in its parameters, as a function of new parameters.

    Parameters
    ----------
    f : function `(params, x, **kwargs)`
        An `apply_fn`, or any function of JAX.
    params : tree of arrays
        Where.

    Returns
    -------
    function `(params, x, **kwargs)`
        `f(params_0, x) + Df(params_0, x) (params - params_0)`.

    Examples
    --------
    >>> import numpy as np
    >>> from swift_neural_tangents import stax
    >>> init_fn, apply_fn, _ = stax.serial(stax.Dense(8), stax.Erf(), stax.Dense(1))
    >>> x = np.ones((2, 3))
    >>> _, params = init_fn(0, x.shape, dtype="float64")
    >>> f_lin = linearize(apply_fn, params)
    >>> bool(np.allclose(f_lin(params, x), apply_fn(params, x)))
    True
    """
    return taylor_expand(f, params, 1)


def taylor_expand(f: Callable, params: Any, degree: int) -> Callable:
    """The Taylor polynomial of a function in its parameters, as a function of new parameters.

    Parameters
    ----------
    f, params
        As of `linearize`.
    degree : int
        Of the polynomial.
    """
    if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or degree < 0:
        raise ValueError(f"degree: expected an integer of at least 0, found {degree!r}")

    def expanded(moved: Any, *args: Any, **kwargs: Any) -> Any:
        if len(args) == 1 and _runs_in_library(f, params, *args) and _runs_in_library(f, moved):
            network = f.network
            job = Job(
                lib.library.nt_taylor_job,
                network.handle,
                ctypes.byref(parameter_tree(f.node, params)),
                ctypes.byref(parameter_tree(f.node, moved)),
                int(degree),
                network.tree(args[0], "x"),
                _arrays.reference(pattern_array(kwargs.get("pattern"))),
                ctypes.byref(options(**_settings(kwargs))),
            )
            return job.run().arrays()["0"]
        return _jax().taylor(f, params, int(degree), moved, *args, **kwargs)

    return expanded


# --------------------------------------------------------------------------------------------------------------- kernels


def _library_kernels(f, x1, x2, params, with_ntk, trace_axes, diagonal_axes, implementation, kwargs) -> dict:
    trace, diagonal = _axes(trace_axes), _axes(diagonal_axes)
    lists = [(ctypes.c_int64 * max(1, len(axes)))(*axes) for axes in (trace, diagonal)]
    axes = lib.AxesStruct(lists[0], lists[1], len(trace), len(diagonal), int(implementation))
    pattern1, pattern2 = (pattern_array(p) for p in pair_of_patterns(kwargs.get("pattern")))
    network = f.network
    job = Job(
        lib.library.nt_empirical_job,
        network.handle,
        ctypes.byref(parameter_tree(f.node, params)),
        network.tree(x1, "x1"),
        network.tree(x2, "x2"),
        _arrays.reference(pattern1),
        _arrays.reference(pattern2),
        ctypes.byref(axes),
        ctypes.byref(options(lib.NNGP | (lib.NTK if with_ntk else 0), **_settings(kwargs))),
    )
    return job.run().arrays()


def empirical_nngp_fn(f: Callable, trace_axes: Axes = (-1,), diagonal_axes: Axes = ()) -> Callable:
    """The covariance of a function's outputs over the entries of trace axes.

    Parameters
    ----------
    f : function `(params, x, **kwargs)`
        An `apply_fn`, or any function of JAX; its outputs may be a tree.
    trace_axes : int or sequence of int
        Axes of the outputs over which the kernel is a mean.
    diagonal_axes : int or sequence of int
        Axes along which only entries with themselves are wanted.

    Returns
    -------
    function `(x1, x2, params, **kwargs)`
        `f(params, x1) f(params, x2)ᵀ`: in the order of the outputs' axes nothing for trace axes, one axis for diagonal ones, and
        a pair for all others.
    """

    def nngp_fn(x1: Any, x2: Any, params: Any, **kwargs: Any) -> Any:
        """The kernel; see `empirical_nngp_fn`."""
        if _runs_in_library(f, params, x1, x2):
            return _library_kernels(f, x1, x2, params, False, trace_axes, diagonal_axes, 0, kwargs)["nngp"]
        return _jax().nngp(f, x1, x2, params, trace_axes, diagonal_axes, kwargs)

    return nngp_fn


def empirical_ntk_fn(
    f: Callable,
    trace_axes: Axes = (-1,),
    diagonal_axes: Axes = (),
    vmap_axes: Any = None,
    implementation: NtkImplementation | int = NtkImplementation.AUTO,
    **ignored: Any,
) -> Callable:
    """The empirical tangent kernel of a function: inner products of derivatives in the parameters.

    Parameters
    ----------
    f, trace_axes, diagonal_axes
        As of `empirical_nngp_fn`.
    vmap_axes : int, or `(x axes, output axes, kwargs axes)`, optional
        Along which `f` works on every entry for itself, such as the batch: derivatives are then taken entry by entry. Only a hint.
    implementation : NtkImplementation
    **ignored
        Rules for structured derivatives, which have no meaning here.

    Returns
    -------
    function `(x1, x2, params, **kwargs)`
    """
    implementation = NtkImplementation(implementation)
    _check_ignored(ignored)

    def ntk_fn(x1: Any, x2: Any, params: Any, **kwargs: Any) -> Any:
        """The kernel; see `empirical_ntk_fn`."""
        if _runs_in_library(f, params, x1, x2):
            return _library_kernels(f, x1, x2, params, True, trace_axes, diagonal_axes, implementation, kwargs)["ntk"]
        return _jax().ntk(f, x1, x2, params, trace_axes, diagonal_axes, vmap_axes, implementation, kwargs)

    return ntk_fn


def _check_ignored(keywords: dict) -> None:
    for name in keywords:
        if name.lstrip("_") not in ("j_rules", "a_rules", "s_rules", "fwd"):
            raise TypeError(f"unexpected argument {name}")


def empirical_kernel_fn(
    f: Callable,
    trace_axes: Axes = (-1,),
    diagonal_axes: Axes = (),
    vmap_axes: Any = None,
    implementation: NtkImplementation | int = NtkImplementation.AUTO,
    **ignored: Any,
) -> Callable:
    """Both kernels of a function; arguments as of `empirical_ntk_fn`.

    Returns
    -------
    function `(x1, x2, get, params, **kwargs)`
        An array for "nngp" or "ntk", a named tuple for both (the default, None).
    """
    nngp_fn = empirical_nngp_fn(f, trace_axes, diagonal_axes)
    ntk_fn = empirical_ntk_fn(f, trace_axes, diagonal_axes, vmap_axes, implementation, **ignored)

    def kernel_fn(x1: Any, x2: Any, get: Any = None, params: Any = None, **kwargs: Any) -> Any:
        """The kernels; see `empirical_kernel_fn`."""
        is_single, names = canonicalize_get(get)
        if names is None:
            is_single, names = False, ("nngp", "ntk")
        functions = {"nngp": nngp_fn, "ntk": ntk_fn}
        for name in names:
            if name not in functions:
                raise KeyError(f"get: expected nngp or ntk, found {name!r}")
        values = [functions[name](x1, x2, params, **kwargs) for name in names]
        return values[0] if is_single else named_tuple("EmpiricalKernel", names)(*values)

    return kernel_fn


def empirical_ntk_vp_fn(f: Callable, x1: Any, x2: Any, params: Any, **kwargs: Any) -> Callable:
    """Products of the empirical tangent kernel with vectors, without the kernel.

    Parameters
    ----------
    f, params, **kwargs
        As of `empirical_ntk_fn`.
    x1, x2 : array, or tree of arrays
        Inputs of the results and of the vectors; None for the same.

    Returns
    -------
    function of an array of the shape of `f(params, x2)`
        Gives one of the shape of `f(params, x1)`.
    """

    def product(vector: Any) -> Any:
        """Θ v; see `empirical_ntk_vp_fn`."""
        if _runs_in_library(f, params, x1, x2, vector):
            pattern1, pattern2 = (pattern_array(p) for p in pair_of_patterns(kwargs.get("pattern")))
            network = f.network
            job = Job(
                lib.library.nt_tangent_product_job,
                network.handle,
                ctypes.byref(parameter_tree(f.node, params)),
                network.tree(x1, "x1"),
                network.tree(x2, "x2"),
                _arrays.reference(pattern1),
                _arrays.reference(pattern2),
                _arrays.reference(_arrays.to_numpy(vector, "vector")),
                ctypes.byref(options(**_settings(kwargs))),
            )
            return job.run().arrays()["0"]
        return _jax().ntk_vector_product(f, x1, x2, params, vector, kwargs)

    return product
