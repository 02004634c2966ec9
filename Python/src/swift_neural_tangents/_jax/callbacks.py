"""Kernels inside functions that JAX traces: callbacks into the library, with derivatives that are callbacks, too.

Only stable, public names of JAX are used: `pure_callback`, and `custom_vjp` with symbolic zeros.
"""

from __future__ import annotations

import ctypes
import functools
import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from .. import _arrays
from .. import _library as lib
from .._jobs import Job
from .._network import Network, options, pattern_array
from ..kernels import Kernel, apart, interleaved, kernel_of, pair_of_patterns, register_pytree

# A batch of calls is made one by one; how to say so has changed.
_SEQUENTIAL = (
    {"vmap_method": "sequential"} if "vmap_method" in inspect.signature(jax.pure_callback).parameters else {"vectorized": False}
)


def _call(function, shapes, *arguments):
    return jax.pure_callback(function, shapes, *arguments, **_SEQUENTIAL)


class _Setup:
    """A call of `kernel_fn`, but for its arrays."""

    def __init__(self, network: Network, structure: str, has_second: bool, with_ntk: bool, settings: dict):
        self.network, self.structure, self.has_second = network, structure, has_second
        self.with_ntk, self.settings = with_ntk, settings

    @property
    def kernels(self) -> int:
        return lib.NNGP | (lib.NTK if self.with_ntk else 0)

    def trees(self, inputs: list[np.ndarray]):
        """Both data sets as the library reads them."""
        count = len(inputs) // 2 if self.has_second else len(inputs)
        first = _arrays.tree_struct(inputs[:count], self.structure)
        second = _arrays.tree_struct(inputs[count:], self.structure) if self.has_second else None
        return ctypes.byref(first), None if second is None else ctypes.byref(second)

    def has_products(self, inputs, patterns) -> bool:
        """Whether kernels are made of the products of all rows, which their derivatives need again."""
        is_plain = self.settings.get("mask_constant") is None and not self.settings.get("full_batch") and not patterns
        count = 2 if self.has_second else 1
        return is_plain and len(inputs) == count and all(x.ndim == 2 and jnp.issubdtype(x.dtype, jnp.floating) for x in inputs)

    @functools.cached_property
    def _with_products(self) -> Network:
        """The network, and beside it the inputs themselves, whose covariances are the products."""
        branches = {"parallel": [self.network.node, {"identity": {}}]}
        return Network({"serial": [{"fanOut": {"count": 2}}, branches]})

    def job(self, inputs: list[np.ndarray], patterns: list[np.ndarray], with_products: bool = False) -> Job:
        first, second = self.trees(inputs)
        return Job(
            lib.library.nt_kernel_job,
            (self._with_products if with_products else self.network).handle,
            first,
            second,
            *_references(patterns),
            ctypes.byref(options(self.kernels, **self.settings)),
        )


def _references(patterns: list[np.ndarray]):
    given = [_arrays.reference(pattern) for pattern in patterns]
    return [*given, *[None] * (2 - len(given))]


def _inputs(network: Network, arrays) -> list[np.ndarray]:
    return [_arrays.to_numpy(np.asarray(array), "x", tokens=network.takes_tokens) for array in arrays]


def _is_same(x1: Any, x2: Any) -> bool:
    """Whether both are the same arrays, not only equal ones, which a trace does not know."""
    first, second = _arrays.leaves(x1), _arrays.leaves(x2)
    return len(first) == len(second) and all(a is b for a, b in zip(first, second))


def _dtype(dtype):
    """The element type of kernels of inputs of this one, in the precision that JAX is set to."""
    return np.float64 if dtype == np.float64 or not jnp.issubdtype(dtype, jnp.floating) else np.float32


def kernels(network: Network, x1: Any, x2: Any, with_ntk: bool, pattern: Any, settings: dict):
    """The kernels of traced inputs: a `Kernel`, or a list of them where the network has several outputs."""
    register_pytree(jax)
    # The same arrays are one data set, which is half of the work there and back.
    is_one = x2 is not None and _is_same(x1, x2) and len({id(p) for p in pair_of_patterns(pattern) if p is not None}) <= 1
    if is_one:
        x2, pattern = None, pair_of_patterns(pattern)[0]
    first = [jnp.asarray(x) for x in _arrays.leaves(x1)]
    second = [] if x2 is None else [jnp.asarray(x) for x in _arrays.leaves(x2)]
    patterns = [p if _arrays.is_tracer(p) else pattern_array(p) for p in pair_of_patterns(pattern) if p is not None]
    setup = _Setup(network, _arrays.structure(x1), x2 is not None, with_ntk, settings)
    description = _described(setup, [*first, *second], patterns)
    function = _differentiable(setup, description)
    fixed = [p for p in patterns if not _arrays.is_tracer(p)]
    if len(fixed) == len(patterns):
        found = function(tuple([*first, *second]), tuple(fixed))
    else:
        found = function(tuple([*first, *second]), tuple(jnp.asarray(p) for p in patterns))
    result = []
    for output, arrays in zip(description["outputs"], found):
        output = {**output, "isSymmetric": x2 is None}
        if is_one:
            arrays = {**arrays, "cov2": arrays["cov1"], **({"mask2": arrays["mask1"]} if "mask1" in arrays else {})}
        result.append(_kernel(arrays, output, with_ntk))
    tree = _arrays.from_structure(description["structure"], result)
    return tuple(tree) if isinstance(x1, tuple) and isinstance(tree, list) else tree


def _kernel(arrays: dict, output: dict, with_ntk: bool) -> Kernel:
    is_diagonal = output["diagonalPositions"] and len(output["shape1"]) > 2
    return Kernel(
        nngp=arrays["nngp"],
        ntk=arrays.get("ntk") if with_ntk else None,
        cov1=arrays["cov1"],
        cov2=arrays.get("cov2"),
        x1_is_x2=output["isSymmetric"],
        is_gaussian=output["isGaussian"],
        is_reversed=False,
        is_input=False,
        diagonal_batch=not output["fullBatch"],
        diagonal_spatial=is_diagonal,
        shape1=tuple(output["shape1"]),
        shape2=tuple(output["shape2"]),
        batch_axis=output["batchAxis"],
        channel_axis=output["channelAxis"],
        mask1=arrays.get("mask1"),
        mask2=arrays.get("mask2"),
    )


def _described(setup: _Setup, inputs: list, patterns: list) -> dict:
    """What the kernels of such inputs are, found with inputs of the same shapes; nothing is computed."""

    def stand_in(x):
        integers = setup.network.takes_tokens and jnp.issubdtype(x.dtype, jnp.integer)
        return np.zeros(x.shape, np.int32 if integers else _dtype(x.dtype))

    stand_ins = [np.zeros(p.shape, np.int32 if jnp.issubdtype(p.dtype, jnp.integer) else _dtype(p.dtype)) for p in patterns]
    return setup.job([stand_in(x) for x in inputs], stand_ins).description()


def _shapes(setup: _Setup, description: dict) -> list[dict]:
    """Types of the arrays of each output."""
    types = {entry["name"]: entry for entry in description["arrays"]}
    result = []
    for index, output in enumerate(description["outputs"]):
        entry = types[f"{index}.nngp"]
        dtype, shape = np.dtype(entry["dtype"]), entry["shape"]
        is_diagonal = output["diagonalPositions"] and len(output["shape1"]) > 2
        positions = list(interleaved(np.broadcast_to(np.float32(0), shape), 2, is_diagonal).shape[2:])
        n1, n2 = shape[:2]

        def matrix(*batch):
            return jax.ShapeDtypeStruct((*batch, *positions), dtype)

        def mask(sizes):
            return jax.ShapeDtypeStruct(
                tuple(1 if axis == output["channelAxis"] else size for axis, size in enumerate(sizes)), np.bool_
            )

        full = output["fullBatch"]
        arrays = {"nngp": matrix(n1, n2), "cov1": matrix(n1, n1) if full else matrix(n1)}
        if setup.with_ntk:
            arrays["ntk"] = matrix(n1, n2)
        if setup.has_second:
            arrays["cov2"] = matrix(n2, n2) if full else matrix(n2)
        if setup.settings.get("mask_constant") is not None:
            arrays["mask1"] = mask(output["shape1"])
            if setup.has_second:
                arrays["mask2"] = mask(output["shape2"])
        result.append(arrays)
    return result


def _differentiable(setup: _Setup, description: dict):
    """The arrays of all outputs as a function of inputs and graphs."""
    shapes = _shapes(setup, description)

    def compute(inputs, patterns, with_products=False):
        given = _inputs(setup.network, inputs), [pattern_array(np.asarray(p)) for p in patterns]
        values = setup.job(*given, with_products).run()
        arrays, json = values.arrays(), values.json
        result = []
        for index, (output, wanted) in enumerate(zip(json["outputs"], shapes)):
            kernel = kernel_of(arrays, f"{index}.", output, setup.with_ntk, lambda array: array)
            found = {}
            for name, shape in wanted.items():
                array = getattr(kernel, name)
                if array is None and name == "cov2":
                    array = kernel.cov1
                if array is None:
                    # Nothing is masked.
                    array = np.zeros(shape.shape, bool)
                found[name] = np.asarray(np.broadcast_to(array, shape.shape), shape.dtype)
            result.append(found)
        return (result, np.array(arrays[f"{len(shapes)}.nngp"])) if with_products else result

    def pull_back(wanted, inputs, patterns, cotangents, products):
        given = _inputs(setup.network, inputs)
        first, second = setup.trees(given)
        output = description["outputs"][0]
        is_diagonal = output["diagonalPositions"] and len(output["shape1"]) > 2
        batch = 2 if output["fullBatch"] else 1
        struct, kept = lib.KernelArrays(), []
        for name, axes in (("nngp", 2), ("ntk", 2), ("cov1", batch), ("cov2", batch)):
            if name in cotangents:
                array = np.ascontiguousarray(apart(np.asarray(cotangents[name]), axes, is_diagonal))
                kept.append(_arrays.struct(array))
                setattr(struct, name, kept[-1])
        hints = lib.GradientHints(skips_x1=not any(wanted[: len(wanted) // 2]), skips_x2=not any(wanted[len(wanted) // 2 :]))
        if not setup.has_second:
            hints.skips_x1 = hints.skips_x2 = False
        if products is not None:
            kept.append(np.ascontiguousarray(products))
            hints.products = _arrays.struct(kept[-1])
        job = Job(
            lib.library.nt_kernel_vjp_job,
            setup.network.handle,
            first,
            second,
            *_references([pattern_array(np.asarray(p)) for p in patterns]),
            ctypes.byref(struct),
            ctypes.byref(hints),
            ctypes.byref(options(setup.kernels, **{**setup.settings, "executor": "automatic"})),
        )
        arrays = list(job.run().arrays().values())
        return tuple(np.asarray(array, x.dtype) for array, x, is_wanted in zip(arrays, inputs, wanted) if is_wanted)

    @jax.custom_vjp
    def function(inputs, patterns):
        return _call(compute, shapes, inputs, patterns)

    def forward(inputs, patterns):
        # Whether somebody differentiates in an input is part of the structure of what is kept.
        wanted = tuple(() if x.perturbed else None for x in inputs)
        inputs, patterns = tuple(x.value for x in inputs), tuple(p.value for p in patterns)
        if len(shapes) > 1 or not setup.has_products(inputs, patterns):
            return function(inputs, patterns), (wanted, inputs, patterns, None)
        matrix = jax.ShapeDtypeStruct(shapes[0]["nngp"].shape[:2], shapes[0]["nngp"].dtype)
        found, products = _call(lambda *given: compute(*given, with_products=True), (shapes, matrix), inputs, patterns)
        return found, (wanted, inputs, patterns, products)

    def backward(residuals, cotangents):
        wanted, inputs, patterns, products = residuals
        wanted = [entry is not None for entry in wanted]
        if len(cotangents) != 1:
            raise NotImplementedError("kernel_fn: expected one output to differentiate, found several")
        # Masks have no derivatives, and what nobody looks at counts as zero.
        arrays = {
            name: array
            for name, array in cotangents[0].items()
            if not name.startswith("mask") and not isinstance(array, SymbolicZero)
        }
        types = tuple(jax.ShapeDtypeStruct(x.shape, x.dtype) for x, is_wanted in zip(inputs, wanted) if is_wanted)
        found = iter(_call(functools.partial(pull_back, wanted), types, inputs, patterns, arrays, products))
        gradients = tuple(next(found) if is_wanted else _zero(x) for x, is_wanted in zip(inputs, wanted))
        return gradients, tuple(_zero(pattern) for pattern in patterns)

    function.defvjp(forward, backward, symbolic_zeros=True)
    return function


def _zero(x):
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.zeros_like(x)
    return np.zeros(x.shape, jax.dtypes.float0)


# --------------------------------------------------------------------------------------------------------- parameters


def initialize(init_fn, rng: Any, input_shape: Any, dtype: np.dtype):
    """`init_fn` of a traced key."""
    from .._layers import user_parameters

    values = init_fn._job((0, 0), input_shape, dtype).run()
    shapes = [jax.ShapeDtypeStruct(array.shape, array.dtype) for array in values.arrays().values()]
    if jnp.issubdtype(rng.dtype, getattr(jax.dtypes, "prng_key", np.void)):
        rng = jax.random.key_data(rng)

    def draw(words):
        words = np.asarray(words)
        found = init_fn._job((int(words[0]), int(words[1])), input_shape, dtype).run().arrays()
        return [np.asarray(array) for array in found.values()]

    arrays = _call(draw, shapes, rng)
    return init_fn.output_shape(input_shape), user_parameters(init_fn.node, values.json["structure"], arrays, jnp.stack)


__all__ = ["kernels", "initialize"]
