"""Kernels and expansions of any function of JAX.

Outputs may be trees; axes are then the same for all of them, or a tree of axes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import tree_util

from ..empirical import NtkImplementation


def _is_axes(axes: Any) -> bool:
    return isinstance(axes, (int, np.integer)) or (
        isinstance(axes, (tuple, list)) and all(isinstance(axis, (int, np.integer)) for axis in axes)
    )


def _per_output(axes: Any, outputs: Any) -> list:
    """Axes for every leaf of the outputs."""
    leaves, structure = tree_util.tree_flatten(outputs)
    if _is_axes(axes):
        return [axes] * len(leaves)
    return structure.flatten_up_to(axes)


def _canonical(axes: Any, rank: int) -> list[int]:
    axes = [axes] if isinstance(axes, (int, np.integer)) else axes
    for axis in axes:
        if not -rank <= axis < rank:
            raise ValueError(f"axes: expected axes of outputs of {rank} axes, found {axis}")
    return sorted({int(axis) % rank for axis in axes})


class _Layout:
    """What becomes of the axes of one output."""

    def __init__(self, rank: int, trace: Any, diagonal: Any):
        self.rank = rank
        self.trace, self.diagonal = _canonical(trace, rank), _canonical(diagonal, rank)
        both = set(self.trace) & set(self.diagonal)
        if both:
            raise ValueError(f"axes: expected trace axes that are not diagonal, found {sorted(both)} twice")

    def indices(self) -> tuple[list[int], list[int], list[int]]:
        """Names of the axes of both factors and of the product, for `einsum`."""
        first, second, result, name = [], [], [], 0
        for axis in range(self.rank):
            if axis in self.trace:
                first.append(name)
                second.append(name)
                name += 1
            elif axis in self.diagonal:
                first.append(name)
                second.append(name)
                result.append(name)
                name += 1
            else:
                first.append(name)
                second.append(name + 1)
                result += [name, name + 1]
                name += 2
        return first, second, result

    def mean(self, product: Any, shape: tuple[int, ...]) -> Any:
        return product / math.prod(shape[axis] for axis in self.trace)

    def contracted(self, full: Any) -> Any:
        """The kernel from one of all pairs of entries, of shape (outputs 1…, outputs 2…)."""
        first, second, result = self.indices()
        return jnp.einsum(full, first + second, result)


def _functions(f: Callable, x1: Any, x2: Any, kwargs: dict) -> tuple[Callable, Callable]:
    """`f` of parameters at both inputs, each with its half of the arguments."""
    halves = [{}, {}]
    for name, value in kwargs.items():
        pair = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
        if name == "rng" and value is not None and not isinstance(value, tuple):
            # Different inputs see different random numbers.
            same = x2 is None or x2 is x1
            other = value if same else jax.random.fold_in(jax.random.PRNGKey(value) if isinstance(value, int) else value, 1)
            pair = (value, other)
        halves[0][name], halves[1][name] = pair
    if "pattern" in kwargs and isinstance(kwargs["pattern"], tuple) and kwargs["pattern"][1] is None:
        halves[1]["pattern"] = halves[0]["pattern"]
    other = x1 if x2 is None else x2
    return (lambda params: f(params, x1, **halves[0])), (lambda params: f(params, other, **halves[1]))


def nngp(f, x1, x2, params, trace_axes, diagonal_axes, kwargs):
    f1, f2 = _functions(f, x1, x2, kwargs)
    y1 = f1(params)
    y2 = y1 if x2 is None and not kwargs.get("rng") else f2(params)
    leaves1, structure = tree_util.tree_flatten(y1)
    leaves2 = tree_util.tree_leaves(y2)
    result = []
    for a, b, trace, diagonal in zip(leaves1, leaves2, _per_output(trace_axes, y1), _per_output(diagonal_axes, y1)):
        layout = _Layout(a.ndim, trace, diagonal)
        first, second, names = layout.indices()
        result.append(layout.mean(jnp.einsum(a, first, b, second, names), a.shape))
    return tree_util.tree_unflatten(structure, result)


def ntk(f, x1, x2, params, trace_axes, diagonal_axes, vmap_axes, implementation, kwargs):
    f1, f2 = _functions(f, x1, x2, kwargs)
    shapes1, shapes2 = jax.eval_shape(f1, params), jax.eval_shape(f2, params)
    leaves1, structure = tree_util.tree_flatten(shapes1)
    leaves2 = tree_util.tree_leaves(shapes2)
    count = sum(math.prod(leaf.shape) for leaf in [*leaves1, *leaves2])
    if implementation in (NtkImplementation.AUTO, NtkImplementation.STRUCTURED_DERIVATIVES):
        parameters = sum(leaf.size for leaf in tree_util.tree_leaves(params))
        # Derivatives of all outputs in all parameters are the fastest way as long as there is room for them.
        fits = 4.0 * count * parameters < 2e9
        implementation = NtkImplementation.JACOBIAN_CONTRACTION if fits else NtkImplementation.NTK_VECTOR_PRODUCTS
    traces, diagonals = _per_output(trace_axes, shapes1), _per_output(diagonal_axes, shapes1)
    layouts = [_Layout(len(a.shape), trace, diagonal) for a, trace, diagonal in zip(leaves1, traces, diagonals)]
    if implementation == NtkImplementation.NTK_VECTOR_PRODUCTS:
        parts = _by_products(f1, f2, params, leaves1, leaves2, layouts)
    else:
        batch = _vmapped_batch(vmap_axes, x1, leaves1)
        parts = _by_contraction(f, f1, f2, x1, x2, params, leaves1, layouts, batch, kwargs)
    return tree_util.tree_unflatten(structure, parts)


def _vmapped_batch(vmap_axes: Any, x1: Any, outputs: list) -> bool:
    """Whether derivatives may be taken input by input: the batch comes first in the only input and the only output."""
    if vmap_axes is None or len(outputs) != 1 or not hasattr(x1, "ndim"):
        return False
    axes = vmap_axes[:2] if isinstance(vmap_axes, (tuple, list)) else (vmap_axes, vmap_axes)
    return all(isinstance(axis, (int, np.integer)) and axis == 0 for axis in axes)


def _jacobian(f: Callable, params: Any) -> Any:
    return jax.jacobian(f)(params)


def _by_contraction(f, f1, f2, x1, x2, params, outputs, layouts, is_batched, kwargs):
    if is_batched and not kwargs:

        def rows(x):
            return jax.vmap(lambda row: jax.jacobian(lambda p: f(p, row[None])[0])(params))(x)

        first = rows(x1)
        second = first if x2 is None else rows(x2)
    else:
        first = _jacobian(f1, params)
        second = first if x2 is None and "rng" not in kwargs else _jacobian(f2, params)
    # The trees of derivatives have the structure of the outputs outside that of the parameters.
    size = len(tree_util.tree_leaves(params))
    leaves1, leaves2 = tree_util.tree_leaves(first), tree_util.tree_leaves(second)
    result = []
    for index, (output, layout) in enumerate(zip(outputs, layouts)):
        names1, names2, names = layout.indices()
        free = 2 * layout.rank
        total = 0.0
        for a, b in zip(leaves1[index * size : (index + 1) * size], leaves2[index * size : (index + 1) * size]):
            inner = list(range(free, free + a.ndim - layout.rank))
            total = total + jnp.einsum(a, names1 + inner, b, names2 + inner, names)
        result.append(layout.mean(total, output.shape))
    return result


def _by_products(f1, f2, params, outputs1, outputs2, layouts):
    y2, pull_back = jax.vjp(f2, params)
    leaves2, structure = tree_util.tree_flatten(y2)
    result = []
    for index, (output1, output2, layout) in enumerate(zip(outputs1, outputs2, layouts)):

        def column(vector):
            cotangents = [jnp.zeros_like(leaf) for leaf in leaves2]
            cotangents[index] = vector
            (direction,) = pull_back(tree_util.tree_unflatten(structure, cotangents))
            tangent = jax.jvp(f1, (params,), (direction,))[1]
            return tree_util.tree_leaves(tangent)[index]

        size = math.prod(output2.shape)
        basis = jnp.eye(size, dtype=output2.dtype).reshape(size, *output2.shape)
        columns = jax.lax.map(column, basis) if size > 64 else jax.vmap(column)(basis)
        full = jnp.moveaxis(columns, 0, -1).reshape(*output1.shape, *output2.shape)
        result.append(layout.mean(layout.contracted(full), output1.shape))
    return result


def ntk_vector_product(f, x1, x2, params, vector, kwargs):
    f1, f2 = _functions(f, x1, x2, kwargs)
    (direction,) = jax.vjp(f2, params)[1](vector)
    return jax.jvp(f1, (params,), (direction,))[1]


def taylor(f, params, degree, moved, *args, **kwargs):
    """Σ_{k ≤ degree} Dᵏf(params)[moved − params, …] / k!, by derivatives along a line."""
    direction = tree_util.tree_map(lambda a, b: a - b, moved, params)

    def along(t):
        return f(tree_util.tree_map(lambda p, d: p + t * d, params, direction), *args, **kwargs)

    def derivative(function):
        return lambda t: jax.jvp(function, (t,), (jnp.ones_like(t),))[1]

    leaves = tree_util.tree_leaves(params)
    zero = jnp.zeros((), jnp.result_type(*leaves) if leaves else float)
    total, function = along(zero), along
    for order in range(1, degree + 1):
        function = derivative(function)
        term = function(zero)
        total = tree_util.tree_map(lambda a, b: a + b / math.factorial(order), total, term)
    return total


__all__ = ["nngp", "ntk", "ntk_vector_product", "taylor"]
