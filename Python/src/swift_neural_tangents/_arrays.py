"""Arrays of NumPy, JAX, torch and others as arrays of the library, and back."""

from __future__ import annotations

import ctypes
import sys
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _library as lib
from ._library import Array, Tree

# A tree of inputs: an array, or a list or tuple of trees.
ArrayTree = Any


def jax_module():
    """JAX where the user has imported it, else None: it is never imported for the sake of looking."""
    return sys.modules.get("jax")


def is_tracer(x: Any) -> bool:
    """Whether `x` stands for an array inside a function that JAX traces."""
    jax = jax_module()
    return jax is not None and isinstance(x, jax.core.Tracer)


def is_jax(x: Any) -> bool:
    """Whether `x` is an array of JAX, traced or not."""
    jax = jax_module()
    return jax is not None and isinstance(x, jax.Array)


def is_torch(x: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def to_numpy(x: Any, name: str = "x", tokens: bool = False) -> np.ndarray:
    """A C-contiguous array of one of the library's element types.

    float32 and float64 stay, smaller floats become float32, everything else float64; with `tokens` integers become int32.
    """
    if is_torch(x):
        x = x.detach().cpu().numpy()
    try:
        array = np.asarray(x)
    except Exception as error:  # ragged lists and what else NumPy refuses
        raise TypeError(f"{name}: expected an array, found {type(x).__name__}: {error}") from error
    if array.dtype.kind not in "fiub" and str(array.dtype) != "bfloat16":
        raise TypeError(f"{name}: expected an array of real numbers, found {type(x).__name__} of dtype {array.dtype}")
    if array.dtype in (np.float32, np.float64):
        target = array.dtype
    elif str(array.dtype) in ("float16", "bfloat16"):
        target = np.float32
    elif tokens and array.dtype.kind in "iu":
        if array.size and (array.max() > 2**31 - 1 or array.min() < -(2**31)):
            raise ValueError(f"{name}: expected tokens of 32 bits, found larger ones")
        target = np.int32
    else:
        target = np.float64
    # ascontiguousarray would make a vector of a scalar.
    array = np.asarray(array, dtype=target)
    return array if array.flags.c_contiguous and array.dtype.isnative else np.array(array, dtype=target, order="C")


def bools(x: Any) -> np.ndarray:
    return np.array(x, dtype=np.bool_, order="C")


def struct(array: np.ndarray | None) -> Array:
    """The array as the library reads it; it has to outlive the call."""
    if array is None:
        return Array(None, 0, 0, None)
    shape = (ctypes.c_int64 * max(1, array.ndim))(*array.shape)
    result = Array(array.ctypes.data, lib.CODES[array.dtype], array.ndim, shape)
    result._kept = (array, shape)
    return result


def reference(array: np.ndarray | None):
    """A pointer to the same; NULL for None."""
    return None if array is None else ctypes.byref(struct(array))


# ---------------------------------------------------------------------------------------------------------------- trees


def is_branch(x: Any) -> bool:
    return isinstance(x, (list, tuple))


def tree_map(function: Callable, tree: ArrayTree, *others: ArrayTree) -> ArrayTree:
    """`function` of every leaf; lists stay lists, and tuples tuples. None in `others` stands for a tree of None."""
    if is_branch(tree):
        for other in others:
            if other is not None and not (is_branch(other) and len(other) == len(tree)):
                raise TypeError(f"expected trees of one structure, found {structure(tree)} and another")
        parts = [
            tree_map(function, child, *[None if other is None else other[i] for other in others]) for i, child in enumerate(tree)
        ]
        return parts if isinstance(tree, list) else tuple(parts)
    return function(tree, *others)


def leaves(tree: ArrayTree) -> list:
    """Leaves from left to right."""
    if is_branch(tree):
        return [leaf for child in tree for leaf in leaves(child)]
    return [tree]


def structure(tree: ArrayTree) -> str:
    """A dot for each leaf, brackets around lists."""
    if is_branch(tree):
        return "[" + "".join(structure(child) for child in tree) + "]"
    return "."


def rebuilt(tree: ArrayTree, values: Sequence) -> ArrayTree:
    """A tree of the same structure with these leaves."""
    iterator = iter(values)
    return tree_map(lambda _: next(iterator), tree)


def from_structure(text: str, values: Sequence) -> ArrayTree:
    """A tree of nested lists from its structure's text."""
    iterator, stack = iter(values), [[]]
    for character in text:
        if character == ".":
            stack[-1].append(next(iterator))
        elif character == "[":
            stack.append([])
        else:
            child = stack.pop()
            stack[-1].append(child)
    return stack[0][0]


def tree_struct(arrays: Sequence[np.ndarray], text: str) -> Tree:
    """Arrays and the text of their structure as the library reads them."""
    structs = [struct(array) for array in arrays]
    buffer = (Array * max(1, len(structs)))(*structs)
    result = Tree(text.encode(), buffer, len(structs))
    result._kept = (structs, buffer, arrays)
    return result


# -------------------------------------------------------------------------------------------------------------- results


class _Owner:
    """What keeps the memory of an array of the library's: NumPy sees it by the array interface."""

    def __init__(self, values: "Values", found: Array):
        shape = tuple(found.shape[i] for i in range(found.rank))
        dtype = np.dtype(lib.DTYPES[found.dtype])
        self.values = values
        self.__array_interface__ = {
            "shape": shape,
            "typestr": dtype.str,
            "data": (found.data, False),
            "version": 3,
        }


class Values:
    """Results of a job: named arrays, whose memory stays with the library as long as some array uses it."""

    def __init__(self, handle: int):
        self._handle = handle
        self._finalizer = weakref.finalize(self, lib.library.nt_values_free, handle)

    @property
    def json(self) -> dict:
        import json

        return json.loads(lib.library.nt_values_json(self._handle))

    def arrays(self) -> dict[str, np.ndarray]:
        result, addresses = {}, set()
        for index in range(lib.library.nt_values_count(self._handle)):
            name = lib.library.nt_values_name(self._handle, index).decode()
            found = Array()
            lib.library.nt_values_array(self._handle, index, ctypes.byref(found))
            if 0 in [found.shape[i] for i in range(found.rank)]:
                shape = [found.shape[i] for i in range(found.rank)]
                result[name] = np.zeros(shape, lib.DTYPES[found.dtype])
            else:
                array = np.asarray(_Owner(self, found))
                # Two results that are one array in the library are two here, which may be written to.
                result[name] = array.copy() if found.data in addresses else array
                addresses.add(found.data)
        return result


# ------------------------------------------------------------------------------------------------------------- back again


class Converter:
    """Makes of NumPy results arrays of the kind that the user gave."""

    def __init__(self, *inputs: ArrayTree):
        given = [leaf for tree in inputs for leaf in leaves(tree)]
        self.kind = "numpy"
        if any(is_jax(x) for x in given):
            self.kind = "jax"
        elif any(is_torch(x) for x in given):
            self.kind = "torch"

    def __call__(self, array: np.ndarray | None):
        if array is None or self.kind == "numpy":
            return array
        if self.kind == "jax":
            return jax_module().numpy.asarray(array)
        torch = sys.modules["torch"]
        return torch.from_numpy(np.array(array))


def namespace(*arrays: Any):
    """The module whose functions work on these arrays: jax.numpy if any is JAX's, else numpy."""
    if any(is_jax(x) for x in arrays):
        return jax_module().numpy
    return np
