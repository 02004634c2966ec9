"""`batch`: kernels in tiles of a size that the caller says."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .kernels import KernelFn

__all__ = ["batch"]


def batch(kernel_fn: Callable, batch_size: int = 0, device_count: int = -1, store_on_device: bool = True) -> Callable:
    """A kernel function that computes `batch_size` rows and columns at a time.

    Kernels here are computed tile by tile anyway and do not depend on the size, so this is for code that has it.

    Parameters
    ----------
    kernel_fn : function
        A layer's `kernel_fn`, or another function of two batches of inputs, whose results are put together: arrays, and named
        tuples of arrays, whose first two axes count inputs.
    batch_size : int
        Rows and columns of a tile; 0 for those that suit.
    device_count, store_on_device : ignored

    Examples
    --------
    >>> import numpy as np
    >>> from swift_neural_tangents import stax
    >>> _, _, kernel_fn = stax.serial(stax.Dense(1), stax.Relu(), stax.Dense(1))
    >>> batch(kernel_fn, batch_size=2)(np.eye(4), get="nngp").shape
    (4, 4)
    """
    if isinstance(batch_size, bool) or not isinstance(batch_size, (int, np.integer)) or batch_size < 0:
        raise ValueError(f"batch_size: expected an integer of at least 0, found {batch_size!r}")
    if isinstance(kernel_fn, KernelFn):
        return kernel_fn.with_tile_size(int(batch_size) or None)
    if batch_size == 0:
        return kernel_fn

    def batched(x1: Any, x2: Any = None, *args: Any, **kwargs: Any) -> Any:
        other = x1 if x2 is None else x2
        rows = []
        for start in range(0, x1.shape[0], batch_size):
            part = x1[start : start + batch_size]
            tiles = [kernel_fn(part, other[i : i + batch_size], *args, **kwargs) for i in range(0, other.shape[0], batch_size)]
            rows.append(_joined(tiles, axis=1))
        return _joined(rows, axis=0)

    return batched


def _joined(parts: list, axis: int) -> Any:
    from ._arrays import namespace

    first = parts[0]
    if hasattr(first, "_fields"):
        return type(first)(*(_joined([part[i] for part in parts], axis) for i in range(len(first))))
    return namespace(*parts).concatenate(parts, axis=axis)
