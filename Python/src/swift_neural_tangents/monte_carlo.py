"""Kernels of finite networks averaged over random ones."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from . import _arrays
from . import _library as lib
from ._jobs import Job
from ._layers import ApplyFn, InitFn
from ._network import key_words, options, pattern_array
from .empirical import NtkImplementation, _axes, empirical_kernel_fn
from .kernels import canonicalize_get, interleaved, named_tuple, pair_of_patterns

__all__ = ["monte_carlo_kernel_fn"]

_NAMES = ("nngp", "ntk", "cov1", "cov2")


def monte_carlo_kernel_fn(
    init_fn: Callable,
    apply_fn: Callable,
    key: Any,
    n_samples: int | Iterable[int],
    batch_size: int = 0,
    device_count: int = -1,
    store_on_device: bool = True,
    trace_axes: int | Iterable[int] = (-1,),
    diagonal_axes: int | Iterable[int] = (),
    vmap_axes: Any = None,
    implementation: NtkImplementation | int = NtkImplementation.AUTO,
    **ignored: Any,
) -> Callable:
    """Kernels of finite networks, averaged over random parameters.

    Parameters
    ----------
    init_fn, apply_fn : function
        Of a network of `stax`, or any two functions of JAX.
    key : key or int
        The same key gives the same kernels.
    n_samples : int or ascending sequence of int
        How many networks; for several numbers the result is a generator of the averages after so many.
    batch_size, device_count, store_on_device : ignored
    trace_axes, diagonal_axes, vmap_axes, implementation
        As of `empirical_kernel_fn`.

    Returns
    -------
    kernel_fn : function `(x1, x2=None, get=None, **kwargs)`
        For networks of `stax`, `get` knows "nngp_error" and "ntk_error", too: standard errors.

    Examples
    --------
    >>> import numpy as np
    >>> from swift_neural_tangents import stax
    >>> init_fn, apply_fn, kernel_fn = stax.serial(stax.Dense(256), stax.Relu(), stax.Dense(1))
    >>> estimate = monte_carlo_kernel_fn(init_fn, apply_fn, 0, 100)(np.eye(2), get="nngp")
    >>> float(abs(estimate - kernel_fn(np.eye(2), get="nngp")).max()) < 0.1
    True
    """
    is_single = isinstance(n_samples, (int, np.integer))
    counts = [int(n_samples)] if is_single else sorted({int(count) for count in n_samples})
    if not counts or counts[0] < 1:
        raise ValueError(f"n_samples: expected numbers of at least 1, found {n_samples!r}")
    sampled = empirical_kernel_fn(apply_fn, trace_axes, diagonal_axes, vmap_axes, implementation, **ignored)
    trace = _axes(trace_axes)
    is_own = isinstance(init_fn, InitFn) and isinstance(apply_fn, ApplyFn) and init_fn.network == apply_fn.network

    def kernel_fn(x1: Any, x2: Any = None, get: Any = None, **kwargs: Any) -> Any:
        """The averaged kernels; see `monte_carlo_kernel_fn`."""
        given = [leaf for x in (x1, x2) if x is not None for leaf in _arrays.leaves(x)]
        runs_in_library = (
            is_own
            and trace == [-1]
            and not _axes(diagonal_axes)
            and len(_arrays.leaves(x1)) == 1
            and not any(_arrays.is_tracer(x) for x in given)
        )
        if runs_in_library:
            results = (_by_library(init_fn, x1, x2, get, key, count, kwargs) for count in counts)
        else:
            results = _by_samples(init_fn, sampled, x1, x2, get, key, counts, kwargs)
        return next(iter(results)) if is_single else _generator(results)

    return kernel_fn


def _generator(results: Iterable) -> Iterator:
    yield from results


def _by_library(init_fn, x1, x2, get, key, count, kwargs):
    is_single, names = canonicalize_get(get)
    if names is None:
        is_single, names = False, ("nngp", "ntk")
    known = [*_NAMES, *(f"{name}_error" for name in _NAMES)]
    for name in names:
        if name not in known:
            raise KeyError(f"get: expected names among {', '.join(known)}, found {name!r}")
    with_ntk = any(name.startswith("ntk") for name in names)
    network, convert = init_fn.network, _arrays.Converter(x1)
    pattern1, pattern2 = (pattern_array(p) for p in pair_of_patterns(kwargs.get("pattern")))
    job = Job(
        lib.library.nt_monte_carlo_job,
        network.handle,
        network.tree(x1, "x1"),
        network.tree(x2, "x2"),
        _arrays.reference(pattern1),
        _arrays.reference(pattern2),
        *key_words(key),
        count,
        ctypes.byref(
            options(
                lib.NNGP | (lib.NTK if with_ntk else 0),
                mask_constant=kwargs.get("mask_constant"),
                threads=kwargs.get("threads"),
            )
        ),
    )
    arrays = job.run(progress=kwargs.get("progress", False)).arrays()

    def field(name):
        array = arrays.get(name.replace("_", "."))
        batch = 2 if name.startswith("n") else 1
        return None if array is None else convert(np.ascontiguousarray(interleaved(array, batch, False)))

    values = [field(name) for name in names]
    return values[0] if is_single else named_tuple("MonteCarloKernel", names)(*values)


def _by_samples(init_fn, sampled, x1, x2, get, key, counts, kwargs):
    """Averages over samples of a function of JAX, one after the other."""
    import jax

    is_single, names = canonicalize_get(get)
    if names is None:
        is_single, names = False, ("nngp", "ntk")
    if isinstance(key, (int, np.integer)):
        key = jax.random.PRNGKey(int(key))
    shape = _arrays.tree_map(lambda x: tuple(x.shape), x1)
    totals, done = None, 0
    for count in counts:
        while done < count:
            _, params = init_fn(jax.random.fold_in(key, done), shape)
            values = sampled(x1, x2, names, params, **kwargs)
            totals = (
                list(values)
                if totals is None
                else [jax.tree_util.tree_map(lambda a, b: a + b, a, b) for a, b in zip(totals, values)]
            )
            done += 1
        means = [jax.tree_util.tree_map(lambda a: a / done, total) for total in totals]
        yield means[0] if is_single else named_tuple("MonteCarloKernel", names)(*means)
