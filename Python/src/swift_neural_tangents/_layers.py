"""Layers as `(init_fn, apply_fn, kernel_fn)`: what the three functions are, whatever the layer."""

from __future__ import annotations

import ctypes
import dataclasses
from typing import Any, NamedTuple

import numpy as np

from . import _arrays
from . import _library as lib
from ._arrays import ArrayTree
from ._jobs import Job
from ._network import Network, key_words, options, pattern_array
from .kernels import KernelFn


class Layer(NamedTuple):
    """A layer, or a network of layers: three functions, which unpack like those of neural-tangents."""

    init_fn: "InitFn"
    apply_fn: "ApplyFn"
    kernel_fn: KernelFn

    def __repr__(self) -> str:
        return f"Layer({self.kernel_fn.network!r})"


def layer(node: dict, name: str) -> Layer:
    """The layer that a node of a network file describes; `name` is that of its functions."""
    network = Network(node)
    return Layer(InitFn(network, name), ApplyFn(network, name), KernelFn(network, name))


def node_of(function_or_layer: Any) -> dict:
    """The node of a layer or of any of its three functions."""
    found = function_or_layer
    if isinstance(found, (tuple, list)) and len(found) == 3:
        found = found[2]
    network = getattr(found, "network", None)
    if not isinstance(network, Network):
        raise TypeError(
            f"expected a layer of swift_neural_tangents.stax, (init_fn, apply_fn, kernel_fn), found {function_or_layer!r:.100}; "
            "functions of one's own become a layer by stax.Elementwise"
        )
    return network.node


# --------------------------------------------------------------------------------------------------- trees of parameters


def engine_parameters(node: dict, parameters: Any) -> tuple[str, list]:
    """Parameters as users have them, as the text of a structure and a list of arrays.

    Users have a list for `serial`, a tuple of children for `parallel`, a tuple with None for what is absent for a layer, and
    arrays with a new first axis for `repeat`.
    """
    ((name, arguments),) = node.items()
    if name == "repeat":
        count = arguments["count"]
        texts, arrays = [], []
        for index in range(count):
            part = _map_leaves(parameters, lambda leaf: leaf[index])
            text, found = engine_parameters(arguments["layer"], part)
            texts.append(text)
            arrays += found
        return "[" + ",".join(texts) + "]", arrays
    if name in ("serial", "parallel"):
        if not isinstance(parameters, (list, tuple)) or len(parameters) != len(arguments):
            raise lib.NetworkError(
                f"params: expected one entry for each of {len(arguments)} layers of {name}, found "
                + (f"{len(parameters)}" if isinstance(parameters, (list, tuple)) else type(parameters).__name__)
            )
        parts = [engine_parameters(child, part) for child, part in zip(arguments, parameters)]
        return "[" + ",".join(text for text, _ in parts) + "]", [array for _, found in parts for array in found]
    return _generic(parameters)


def _generic(parameters: Any) -> tuple[str, list]:
    """The same of a layer, or of a ready-made network, whose parameters say by themselves how they nest."""
    if isinstance(parameters, (list, tuple)) and any(isinstance(part, (list, tuple)) for part in parameters):
        parts = [_generic(part) for part in parameters]
        return "[" + ",".join(text for text, _ in parts) + "]", [array for _, found in parts for array in found]
    if isinstance(parameters, (list, tuple)):
        arrays = [part for part in parameters if part is not None]
        return str(len(arrays)), arrays
    raise lib.NetworkError(f"params: expected a tuple of arrays for a layer, found {type(parameters).__name__}")


def _map_leaves(tree: Any, function) -> Any:
    if isinstance(tree, (list, tuple)):
        parts = [_map_leaves(child, function) for child in tree]
        return parts if isinstance(tree, list) else tuple(parts)
    return None if tree is None else function(tree)


def user_parameters(node: dict, text: str, arrays: list, stack) -> Any:
    """The other way; `stack` joins arrays along a new first axis."""
    reader = _Reader(text, arrays)
    result = reader.tree()
    return _named(node, result, stack)


class _Reader:
    """Nested lists of tuples of arrays from the text of a structure."""

    def __init__(self, text: str, arrays: list):
        self.text, self.position, self.arrays = text, 0, iter(arrays)

    def tree(self):
        if self.text[self.position] == "[":
            self.position += 1
            children = []
            while self.text[self.position] != "]":
                if self.text[self.position] == ",":
                    self.position += 1
                children.append(self.tree())
            self.position += 1
            return children
        start = self.position
        while self.position < len(self.text) and self.text[self.position].isdigit():
            self.position += 1
        return tuple(next(self.arrays) for _ in range(int(self.text[start : self.position])))


def _named(node: dict, tree: Any, stack) -> Any:
    ((name, arguments),) = node.items()
    if name == "serial":
        return [_named(child, part, stack) for child, part in zip(arguments, tree)]
    if name == "parallel":
        return tuple(_named(child, part, stack) for child, part in zip(arguments, tree))
    if name == "repeat":
        return _stacked([_named(arguments["layer"], part, stack) for part in tree], stack)
    if name in ("dense", "conv", "convTranspose", "convLocal"):
        return tree if len(tree) == 2 else (*tree, None)
    if name == "globalSelfAttention":
        present = [
            not arguments.get("linearScaling", True),
            True,
            True,
            True,
            arguments.get("biasStd") is not None,
            arguments.get("positionalEmbedding", "none") != "none",
        ]
        parts = iter(tree)
        return tuple(next(parts) if is_there else None for is_there in present)
    return tree


def _stacked(trees: list, stack) -> Any:
    if not trees:
        return ()
    first = trees[0]
    if isinstance(first, (list, tuple)):
        parts = [_stacked([tree[index] for tree in trees], stack) for index in range(len(first))]
        return parts if isinstance(first, list) else tuple(parts)
    return None if first is None else stack(trees)


def parameter_tree(node: dict, parameters: Any, name: str = "params"):
    """Parameters as the library reads them."""
    text, arrays = engine_parameters(node, parameters)
    return _arrays.tree_struct([_arrays.to_numpy(array, f"{name}[{i}]") for i, array in enumerate(arrays)], text)


# ------------------------------------------------------------------------------------------------------------- functions


class _Function:
    """One of the three functions of a layer."""

    def __init__(self, network: Network, name: str):
        self.network = network
        self.__name__ = self.__qualname__ = name

    @property
    def node(self) -> dict:
        """The node of a network file that describes the network."""
        return self.network.node

    def __eq__(self, other):
        return type(other) is type(self) and self.network == other.network

    def __hash__(self):
        return hash((type(self), self.network))

    def __repr__(self):
        return f"<{type(self).__name__} of {self.network!r}>"


class InitFn(_Function):
    """The first of a layer's functions: shapes of outputs, and random parameters."""

    def __call__(self, rng: Any, input_shape: Any, dtype: Any = None) -> tuple:
        """Random parameters of the finite network.

        Parameters
        ----------
        rng : JAX key, array of two words, or int
            The same key gives the same parameters on every machine, and those of neural-tangents with jax 0.4.23.
        input_shape : tuple of int, or tree of such tuples
            Shape of the inputs; -1 along the batch stands for any size.
        dtype : dtype, optional
            float32 or float64; by default float64 where JAX is set to 64 bits, else float32.

        Returns
        -------
        output_shape : tuple of int, or tree of such tuples
        params : list, tuple
            As neural-tangents nests them; JAX arrays for a JAX key, NumPy arrays otherwise.
        """
        jax = _arrays.jax_module()
        if dtype is None:
            dtype = np.float64 if jax is not None and jax.config.jax_enable_x64 else np.float32
        dtype = np.dtype(dtype)
        if dtype not in (np.dtype(np.float32), np.dtype(np.float64)):
            raise ValueError(f"dtype: expected float32 or float64, found {dtype}")
        if _arrays.is_tracer(rng):
            from ._jax import callbacks

            return callbacks.initialize(self, rng, input_shape, dtype)
        words = key_words(rng, "rng")
        values = self._job(words, input_shape, dtype).run()
        arrays = list(values.arrays().values())
        stack = np.stack
        if _arrays.is_jax(rng):
            arrays = [jax.numpy.asarray(array) for array in arrays]
            stack = jax.numpy.stack
        params = user_parameters(self.node, values.json["structure"], arrays, stack)
        return self.output_shape(input_shape), params

    def _job(self, words, input_shape, dtype) -> Job:
        import json

        text = json.dumps(_filled(input_shape, 1)).encode()
        return Job(lib.library.nt_initialize_job, self.network.handle, text, *words, lib.CODES[dtype])

    def output_shape(self, input_shape: Any) -> Any:
        """Shapes of the outputs; -1 where they are -1 times something of the inputs."""
        if not _has_placeholder(input_shape):
            return _like(input_shape, self.network.output_shape(_filled(input_shape, 1)))
        small = self.network.output_shape(_filled(input_shape, 2))
        large = self.network.output_shape(_filled(input_shape, 3))
        return _like(input_shape, _merged(small, large))


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(size is None or isinstance(size, (int, np.integer)) for size in value)


def _filled(shape: Any, size: int) -> Any:
    """Lists in place of tuples, and `size` in place of -1."""
    if _is_shape(shape):
        return [size if part is None or part == -1 else int(part) for part in shape]
    if isinstance(shape, (tuple, list)):
        return [_filled(part, size) for part in shape]
    raise TypeError(f"input_shape: expected a tuple of sizes or a list of those, found {type(shape).__name__}")


def _has_placeholder(shape: Any) -> bool:
    if _is_shape(shape):
        return any(part is None or part == -1 for part in shape)
    return isinstance(shape, (tuple, list)) and any(_has_placeholder(part) for part in shape)


def _merged(small: Any, large: Any) -> Any:
    if isinstance(small, tuple):
        return tuple(a if a == b else -1 for a, b in zip(small, large))
    return [_merged(a, b) for a, b in zip(small, large)]


def _like(inputs: Any, outputs: Any) -> Any:
    """A tuple of shapes for a tuple of shapes."""
    is_tuple = isinstance(inputs, tuple) and not _is_shape(inputs)
    return tuple(outputs) if is_tuple and isinstance(outputs, list) else outputs


@dataclasses.dataclass(frozen=True)
class MaskedArray:
    """Outputs of a finite network of which some are missing: `masked_value`, and a `mask` that is True where they are."""

    masked_value: Any
    mask: Any

    @property
    def shape(self):
        return self.masked_value.shape


class ApplyFn(_Function):
    """The second of a layer's functions: outputs of the finite network."""

    def __call__(
        self,
        params: Any,
        inputs: ArrayTree,
        *,
        rng: Any = None,
        mask_constant: float | None = None,
        pattern: Any = None,
        threads: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Outputs of the finite network.

        Parameters
        ----------
        params : as `init_fn` gives them
        inputs : array, or tree of arrays
            Of the shape that the network was initialised for but for their number. Where parameters or inputs are JAX's, the
            network is computed by JAX, and can be differentiated, mapped and compiled; by the library otherwise.
        rng : key, optional
            Randomness for `Dropout`, which fails without it.
        mask_constant : float, optional
            Inputs equal to it are missing; the outputs are then a `MaskedArray` where they have a mask.
        pattern : array, optional
            The graphs of the inputs, for `Aggregate`.
        """
        text, arrays = engine_parameters(self.node, params)
        given = arrays + _arrays.leaves(inputs)
        if any(_arrays.is_jax(x.masked_value if isinstance(x, MaskedArray) else x) for x in given):
            from ._jax import layers

            return layers.apply(self.node, params, inputs, rng=rng, mask_constant=mask_constant, pattern=pattern)
        convert = _arrays.Converter(given)
        key = None if rng is None else key_words(rng, "rng")
        tree = _arrays.tree_struct([_arrays.to_numpy(array, f"params[{i}]") for i, array in enumerate(arrays)], text)
        job = Job(
            lib.library.nt_apply_job,
            self.network.handle,
            ctypes.byref(tree),
            self.network.tree(inputs, "inputs"),
            _arrays.reference(pattern_array(pattern)),
            ctypes.byref(options(mask_constant=mask_constant, key=key, threads=threads)),
        )
        values = job.run()
        found = values.arrays()

        def output(index):
            mask = found.get(f"mask.{index}")
            value = convert(found[str(index)])
            return value if mask is None else MaskedArray(value, convert(mask))

        count = sum(name.isdigit() for name in found)
        tree = _arrays.from_structure(values.json["structure"], [output(index) for index in range(count)])
        return tuple(tree) if isinstance(inputs, tuple) and isinstance(tree, list) else tree


def unmask_fn(fn):
    """`fn` with zeros in place of masked outputs, and arrays in place of `MaskedArray`."""

    def unmasked(x):
        if isinstance(x, MaskedArray):
            return _arrays.namespace(x.masked_value).where(x.mask, 0, x.masked_value)
        return x

    def function(*args, **kwargs):
        return _arrays.tree_map(unmasked, fn(*args, **kwargs))

    return function
