"""A network of the library: a node of a network file, and the handle that is made of it."""

from __future__ import annotations

import ctypes
import functools
import json
import weakref
from typing import Any

import numpy as np

from . import _arrays
from . import _library as lib
from ._arrays import ArrayTree


class Network:
    """What layers carry: `node` is a node of a network file (nested dictionaries), of which the library makes a network.

    Equal nodes are equal networks. A network is pickled and copied as its node; the handle is made anew.
    """

    def __init__(self, node: dict):
        self.node = node
        self._json = json.dumps(node)
        self._handle = None
        self.handle  # mistakes show where the layer is made

    @property
    def handle(self) -> int:
        if self._handle is None:
            self._handle = lib.checked(lib.library.nt_network_parse, self._json.encode())
            weakref.finalize(self, lib.library.nt_network_free, self._handle)
        return self._handle

    def __getstate__(self):
        # Numbers of Python functions are good for one process: the functions themselves go along.
        functions = []

        def collect(node):
            if isinstance(node, dict) and set(node) == {"externalActivation"}:
                from ._functions import functions_of

                functions.append(functions_of(node))
                return {"externalActivation": len(functions) - 1}
            if isinstance(node, dict):
                return {name: collect(value) for name, value in node.items()}
            return [collect(value) for value in node] if isinstance(node, list) else node

        return collect(self.node), functions

    def __setstate__(self, state):
        node, functions = state

        def replace(node):
            if isinstance(node, dict) and set(node) == {"externalActivation"}:
                return functions[node["externalActivation"]].node()
            if isinstance(node, dict):
                return {name: replace(value) for name, value in node.items()}
            return [replace(value) for value in node] if isinstance(node, list) else node

        self.__init__(replace(node))

    def __eq__(self, other):
        return isinstance(other, Network) and self._json == other._json

    def __hash__(self):
        return hash(self._json)

    def __repr__(self):
        return f"Network({self._json})"

    def json(self) -> str:
        """The network as the library writes it: a network file."""
        return lib.take_text(lib.checked(lib.library.nt_network_json, self.handle))

    @functools.cached_property
    def takes_tokens(self) -> bool:
        """Whether inputs are integers that stand for words."""
        return '"embedding"' in self._json

    # ------------------------------------------------------------------------------------------------------- arguments

    def inputs(self, x: ArrayTree, name: str) -> ArrayTree:
        """Inputs as NumPy arrays that the library takes."""
        leaves = _arrays.leaves(x)
        count = len(leaves)
        if any(isinstance(leaf, (bool, int, float)) for leaf in leaves):
            raise TypeError(
                f"{name}: expected arrays, found numbers; a list or tuple stands for several inputs of a network, so rows of "
                "numbers have to be an array"
            )
        counter = iter(range(count))
        return _arrays.tree_map(
            lambda leaf: _arrays.to_numpy(leaf, name if count == 1 else f"{name}[{next(counter)}]", tokens=self.takes_tokens),
            x,
        )

    def tree(self, x: ArrayTree | None, name: str):
        """A pointer to inputs; NULL for None."""
        if x is None:
            return None
        x = self.inputs(x, name)
        return ctypes.byref(_arrays.tree_struct(_arrays.leaves(x), _arrays.structure(x)))

    def output_shape(self, shapes: ArrayTree) -> ArrayTree:
        """Shapes of the outputs as tuples, given those of the inputs as lists."""
        text = lib.take_text(lib.checked(lib.library.nt_network_output_shape, self.handle, json.dumps(shapes).encode()))
        return _shape_tree(json.loads(text))


def _shape_tree(value: Any) -> Any:
    if all(isinstance(size, int) for size in value):
        return tuple(value)
    return [_shape_tree(child) for child in value]


def pattern_array(pattern: Any, name: str = "pattern") -> np.ndarray | None:
    """A graph as the library takes it: floats for a dense one, int32 for edges."""
    if pattern is None:
        return None
    array = np.asarray(pattern) if not _arrays.is_torch(pattern) else pattern.detach().cpu().numpy()
    if array.dtype.kind in "iu":
        return np.array(array, dtype=np.int32, order="C")
    return _arrays.to_numpy(array, name)


def options(
    kernels: int = lib.NNGP | lib.NTK,
    *,
    mask_constant: float | None = None,
    diagonal_spatial: bool = False,
    full_batch: bool = False,
    precision: Any = None,
    threads: int | None = None,
    tile_size: int | None = None,
    key: tuple[int, int] | None = None,
    executor: str = "automatic",
) -> lib.Options:
    """Options as the library takes them."""
    result = lib.Options()
    result.kernels = kernels
    executors = ("automatic", "reference", "fused")
    if executor not in executors:
        raise ValueError(f"executor: expected one of {', '.join(executors)}, found {executor!r}")
    result.executor = executors.index(executor)
    result.only_diagonal_positions = bool(diagonal_spatial)
    result.full_batch = bool(full_batch)
    if precision is not None:
        dtype = np.dtype(precision)
        if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"precision: expected float32 or float64, found {precision!r}")
        result.precision = lib.CODES[dtype] + 1
    if mask_constant is not None:
        result.has_mask_constant, result.mask_constant = True, float(mask_constant)
    for name, value in (("threads", threads), ("tile_size", tile_size)):
        if value is not None:
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < 1:
                raise ValueError(f"{name}: expected an integer of at least 1, found {value!r}")
            setattr(result, name, int(value))
    if key is not None:
        result.has_key, result.key[0], result.key[1] = True, key[0], key[1]
    return result


def key_words(key: Any, name: str = "key") -> tuple[int, int]:
    """The two words of a key: a JAX key of either kind, its two words, or an integer, of which `jax.random.PRNGKey` makes the same
    in 64-bit mode, and for integers from 0 to 2**32 - 1 in any mode."""
    jax = _arrays.jax_module()
    if isinstance(key, (int, np.integer)) and not isinstance(key, bool):
        seed = int(key) & 0xFFFFFFFFFFFFFFFF
        return seed >> 32, seed & 0xFFFFFFFF
    if _arrays.is_jax(key) and jax.numpy.issubdtype(key.dtype, getattr(jax.dtypes, "prng_key", np.void)):
        key = jax.random.key_data(key)
    words = np.asarray(key)
    if words.shape != (2,) or words.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected a key of two words or an integer, found {type(key).__name__} of shape {words.shape}")
    return int(words[0]) & 0xFFFFFFFF, int(words[1]) & 0xFFFFFFFF
