"""Finite networks in `jax.numpy`: what `apply_fn` computes when it is given arrays of JAX.

A function for each layer takes the arguments of its node, its parameters, inputs with their masks, and what a forward pass needs
besides. What is masked is zero after every layer.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .._layers import MaskedArray
from .._library import NetworkError


class Masked(NamedTuple):
    """An array and its mask, which broadcasts to it; None masks nothing."""

    values: Any
    mask: Any = None

    def zeroed(self) -> "Masked":
        return self if self.mask is None else Masked(jnp.where(self.mask, 0, self.values), self.mask)


class Context(NamedTuple):
    """What a forward pass needs besides parameters and inputs."""

    rng: Any = None
    pattern: Any = None

    def split(self, count: int) -> list["Context"]:
        if self.rng is None or count == 0:
            return [self] * count
        with _bits_of_old():
            return [Context(key, self.pattern) for key in jax.random.split(self.rng, count)]


def _bits_of_old():
    """Random bits are those of jax 0.4.23, and of the library, in every version."""
    context = getattr(jax, "threefry_partitionable", None)
    return context(False) if callable(context) else contextlib.nullcontext()


def apply(node: dict, params: Any, inputs: Any, *, rng: Any, mask_constant: float | None, pattern: Any) -> Any:
    """Outputs of the network that `node` describes; `MaskedArray` where they have masks."""
    if isinstance(rng, (int, np.integer)):
        rng = jax.random.PRNGKey(int(rng))

    def masked(x):
        if isinstance(x, MaskedArray):
            return Masked(jnp.asarray(x.masked_value), jnp.asarray(x.mask)).zeroed()
        x = jnp.asarray(x)
        if mask_constant is None:
            return Masked(x)
        return Masked(x, jnp.isnan(x) if math.isnan(mask_constant) else x == mask_constant).zeroed()

    outputs = _run(node, params, _map(masked, inputs), Context(rng, None if pattern is None else jnp.asarray(pattern)))
    tree = _map(lambda x: x.values if x.mask is None else MaskedArray(x.values, x.mask), outputs)
    return tuple(tree) if isinstance(inputs, tuple) and isinstance(tree, list) else tree


def _map(function: Callable, tree: Any) -> Any:
    """`function` of every leaf of lists and tuples; a `Masked` is a leaf."""
    if isinstance(tree, (list, tuple)) and not isinstance(tree, Masked):
        return [_map(function, child) for child in tree]
    return function(tree)


def _run(node: dict, params: Any, x: Any, context: Context) -> Any:
    ((name, arguments),) = node.items()
    arguments = {} if arguments is None else arguments
    if name in _COMBINATORS:
        return _COMBINATORS[name](arguments, params, x, context)
    if name in _FAN_INS:
        if not isinstance(x, list) or not x:
            raise NetworkError(f"{name}: expected a list of inputs, as FanOut makes, found one input")
        return _FAN_INS[name](arguments, x).zeroed()
    if isinstance(x, list):
        raise NetworkError(f"{name}: expected one input, found a list of {len(x)} inputs")
    if name in _LAYERS:
        return _LAYERS[name](arguments, params, x, context).zeroed()
    if name in _ACTIVATIONS:
        return Masked(_ACTIVATIONS[name](arguments, x.values), x.mask).zeroed()
    raise NotImplementedError(
        f"{name}: expected a layer that JAX can compute here, found one that only the library has; "
        "give NumPy arrays, or write the network with stax"
    )


# ------------------------------------------------------------------------------------------------------------ combinators


def _serial(layers, params, x, context):
    for layer, part, inner in zip(layers, params, context.split(len(layers))):
        x = _run(layer, part, x, inner)
    return x


def _parallel(layers, params, x, context):
    if not isinstance(x, list) or len(x) != len(layers):
        raise NetworkError(f"parallel: expected a list of {len(layers)} inputs, one per layer")
    return [_run(layer, part, child, inner) for layer, part, child, inner in zip(layers, params, x, context.split(len(layers)))]


def _repeat(arguments, params, x, context):
    for index, inner in enumerate(context.split(arguments["count"])):
        x = _run(arguments["layer"], _at(params, index), x, inner)
    return x


def _at(tree, index):
    if isinstance(tree, (list, tuple)):
        parts = [_at(child, index) for child in tree]
        return parts if isinstance(tree, list) else tuple(parts)
    return None if tree is None else tree[index]


def _fan_out(arguments, params, x, context):
    return [x] * arguments["count"]


_COMBINATORS = {"serial": _serial, "parallel": _parallel, "repeat": _repeat, "fanOut": _fan_out}


def _joint_mask(branches):
    """Masked where every branch is; a branch without a mask is visible everywhere."""
    if all(branch.mask is None for branch in branches):
        return None
    masks = [jnp.zeros((1,) * branch.values.ndim, bool) if branch.mask is None else branch.mask for branch in branches]
    result = masks[0]
    for mask in masks[1:]:
        result = result & mask
    return result


def _fan_in_sum(arguments, branches):
    return Masked(sum(branch.values for branch in branches), _joint_mask(branches))


def _fan_in_product(arguments, branches):
    return Masked(math.prod((branch.values for branch in branches[1:]), start=branches[0].values), _joint_mask(branches))


def _fan_in_concat(arguments, branches):
    axis = arguments.get("axis", -1)
    values = jnp.concatenate([branch.values for branch in branches], axis)
    if all(branch.mask is None for branch in branches):
        return Masked(values)
    masks = []
    for branch in branches:
        mask = jnp.zeros((1,) * values.ndim, bool) if branch.mask is None else branch.mask
        masks.append(jnp.broadcast_to(mask, branch.values.shape))
    return Masked(values, jnp.concatenate(masks, axis))


_FAN_INS = {"fanInSum": _fan_in_sum, "fanInProduct": _fan_in_product, "fanInConcat": _fan_in_concat}


# ----------------------------------------------------------------------------------------------------------- linear layers


def _axes(arguments, rank):
    """Axes of the batch, the channels and the positions."""
    batch, channel = arguments.get("batchAxis", 0) % rank, arguments.get("channelAxis", -1) % rank
    return batch, channel, [axis for axis in range(rank) if axis not in (batch, channel)]


def _scaled(arguments, product, bias, fan_in):
    """Outputs, given the product of inputs and weights."""
    scales = arguments.get("widthScales", [1, 1])
    if arguments.get("parameterization", "ntk") == "ntk":
        product = product * (arguments.get("weightStd", 1.0) / math.sqrt(fan_in))
        return product if bias is None else product + arguments["biasStd"] * bias
    product = product / math.sqrt(scales[0])
    return product if bias is None else product + bias


def _dense(arguments, params, x, context):
    weights, bias = params
    _, channel, _ = _axes(arguments, x.values.ndim)
    product = jnp.moveaxis(jnp.tensordot(x.values, weights, ((channel,), (0,))), -1, channel)
    mask = None if x.mask is None else jnp.all(x.mask, channel, keepdims=True)
    return Masked(_scaled(arguments, product, bias, weights.shape[0]), mask)


class _Axis(NamedTuple):
    """How windows lie along one axis of positions."""

    size: int
    window: int
    stride: int
    dilation: int
    low: int
    high: int
    wraps: bool

    @property
    def output(self) -> int:
        return (self.size + self.low + self.high - (self.window - 1) * self.dilation - 1) // self.stride + 1

    @property
    def centres(self) -> np.ndarray:
        """The input in the middle of the window at each output."""
        places = np.arange(self.output) * self.stride - self.low + (self.window - 1) // 2 * self.dilation
        return places % self.size if self.wraps else np.clip(places, 0, self.size - 1)


def _window_axis(size, window, stride, padding, dilation=1):
    if padding == "valid":
        return _Axis(size, window, stride, dilation, 0, 0, False)
    output = -(-size // stride)
    total = max((output - 1) * stride + (window - 1) * dilation + 1 - size, 0)
    return _Axis(size, window, stride, dilation, total // 2, total - total // 2, padding == "circular")


def _window_axes(arguments, sizes):
    window = arguments["window"]
    if len(window) != len(sizes):
        raise NetworkError(f"expected an input with {len(window) + 2} axes for the window {window}, found {len(sizes) + 2}")
    ones = [1] * len(window)
    strides, dilation = arguments.get("strides", ones), arguments.get("dilation", ones)
    padding = arguments.get("padding", "valid")
    return [_window_axis(*each[:3], padding, each[3]) for each in zip(sizes, window, strides, dilation)]


def _wrapped(x, axes, first):
    """Inputs padded by themselves, around the edges of axes that wrap."""
    for index, axis in enumerate(axes, first):
        if axis.wraps and axis.low + axis.high:
            places = np.arange(-axis.low, axis.size + axis.high) % axis.size
            x = jnp.take(x, places, index)
    return x


def _at_centres(mask, axes, first):
    for index, axis in enumerate(axes, first):
        if mask.shape[index] > 1:
            mask = jnp.take(mask, axis.centres, index)
    return mask


class _Dimensions:
    """The axes of inputs, filters and outputs of a convolution."""

    def __init__(self, arguments):
        count = len(arguments["window"])
        letters = [letter for letter in "ABDEFGHJKLMPQRSTUVWXYZ"][:count]
        spatial = "".join(letters)
        default = (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")
        self.input, self.filter, self.output = arguments.get("dimensionNumbers", default)
        self.positions = [letter for letter in self.filter if letter not in "IO"]

    def canonical(self, x):
        """Inputs with the batch first, positions in the filter's order, and channels last."""
        return jnp.transpose(x, [self.input.index(letter) for letter in ["N", *self.positions, "C"]])

    def filters(self, weights):
        return jnp.transpose(weights, [self.filter.index(letter) for letter in [*self.positions, "I", "O"]])

    def outputs(self, y):
        order = ["N", *self.positions, "C"]
        return jnp.transpose(y, [order.index(letter) for letter in self.output])

    def numbers(self):
        spatial = "".join("HWDABEFGJKLMPQRSTUVXYZ"[: len(self.positions)])
        return (f"N{spatial}C", f"{spatial}IO", f"N{spatial}C")

    def mask(self, mask, shape):
        """A mask of all channels with the batch first, broadcast along positions."""
        mask = jnp.all(mask, self.input.index("C"), keepdims=True)
        sizes = [1 if letter == "C" else mask.shape[i] if letter == "N" else shape[i] for i, letter in enumerate(self.input)]
        return self.canonical(jnp.broadcast_to(mask, sizes))


def _conv(arguments, params, x, context):
    weights, bias = params
    dimensions = _Dimensions(arguments)
    inputs = dimensions.canonical(x.values)
    axes = _window_axes(arguments, inputs.shape[1:-1])
    padding = [(0, 0) if axis.wraps else (axis.low, axis.high) for axis in axes]
    product = lax.conv_general_dilated(
        _wrapped(inputs, axes, 1),
        dimensions.filters(weights).astype(inputs.dtype),
        [axis.stride for axis in axes],
        padding,
        rhs_dilation=[axis.dilation for axis in axes],
        dimension_numbers=dimensions.numbers(),
    )
    fan_in = inputs.shape[-1] * math.prod(arguments["window"])
    mask = None
    if x.mask is not None:
        mask = dimensions.outputs(_at_centres(dimensions.mask(x.mask, x.values.shape), axes, 1))
    return Masked(_scaled(arguments, dimensions.outputs(product), bias, fan_in), mask)


def _conv_local(arguments, params, x, context):
    weights, bias = params
    dimensions = _Dimensions(arguments)
    inputs = dimensions.canonical(x.values)
    axes = _window_axes(arguments, inputs.shape[1:-1])
    fan_in = inputs.shape[-1] * math.prod(arguments["window"])
    patches = _wrapped(inputs, axes, 1)
    pads = [(0, 0), *((0, 0) if axis.wraps else (axis.low, axis.high) for axis in axes), (0, 0)]
    patches = jnp.pad(patches, pads)
    parts = [patches]
    for index, axis in enumerate(axes, 1):
        # What offset k of every window reads along the axis.
        parts = [
            lax.slice_in_dim(part, k, k + (axis.output - 1) * axis.stride + 1, axis.stride, index)
            for part in parts
            for k in range(axis.window)
        ]
    # Shape (N, positions…, channels, offsets), flattened with the channels outside.
    stacked = jnp.stack(parts, -1)
    stacked = stacked.reshape(*stacked.shape[:-2], fan_in)
    filters = dimensions.filters(weights)
    product = jnp.einsum("n...i,...io->n...o", stacked, filters)
    mask = None
    if x.mask is not None:
        mask = dimensions.outputs(_at_centres(dimensions.mask(x.mask, x.values.shape), axes, 1))
    return Masked(_scaled(arguments, dimensions.outputs(product), bias, fan_in), mask)


def _transposed_padding(window, stride, padding):
    """Zeros before and after inputs that are spread out."""
    if padding == "same":
        total = window + stride - 2
        low = window - 1 if stride > window - 1 else -(-total // 2)
    else:
        total = window + stride - 2 + max(window - stride, 0)
        low = window - 1
    return low, total - low


def _transposed(inputs, filters, window, strides, padding, numbers):
    pads = [_transposed_padding(w, s, "valid" if padding == "circular" else padding) for w, s in zip(window, strides)]
    product = lax.conv_general_dilated(inputs, filters, [1] * len(window), pads, lhs_dilation=strides, dimension_numbers=numbers)
    if padding != "circular":
        return product
    for index, stride in enumerate(strides, 1):
        size = inputs.shape[index] * stride
        length = product.shape[index]
        half = -(-length // size) // 2
        padded = _padded(product, index, half * size, half * size)
        folded = sum(lax.slice_in_dim(padded, k * size, k * size + length, 1, index) for k in range(2 * half + 1))
        low = (length - size) // 2
        product = lax.slice_in_dim(folded, low, low + size, 1, index)
    return product


def _padded(x, axis, low, high):
    return jnp.pad(x, [(low, high) if index == axis else (0, 0) for index in range(x.ndim)])


def _conv_transpose(arguments, params, x, context):
    weights, bias = params
    dimensions = _Dimensions(arguments)
    inputs = dimensions.canonical(x.values)
    window = arguments["window"]
    strides = arguments.get("strides", [1] * len(window))
    padding = arguments.get("padding", "valid")
    numbers = dimensions.numbers()
    product = _transposed(inputs, dimensions.filters(weights).astype(inputs.dtype), window, strides, padding, numbers)
    fan_in = inputs.shape[-1] * math.prod(window)
    mask = None
    if x.mask is not None:
        # Masked where any input that contributes is.
        given = dimensions.mask(x.mask, x.values.shape).astype(jnp.float32)
        ones = jnp.ones((*window, 1, 1), jnp.float32)
        mask = dimensions.outputs(_transposed(given, ones, window, strides, padding, numbers) > 0.5)
    return Masked(_scaled(arguments, dimensions.outputs(product), bias, fan_in), mask)


def _pool(is_mean):
    def pool(arguments, params, x, context):
        values = x.values
        _, _, positions = _axes(arguments, values.ndim)
        axes = _window_axes(arguments, [values.shape[axis] for axis in positions])
        sizes, strides, pads = [1] * values.ndim, [1] * values.ndim, [(0, 0)] * values.ndim
        padded = values
        for place, axis in zip(positions, axes):
            sizes[place], strides[place] = axis.window, axis.stride
            if axis.wraps:
                padded = jnp.take(padded, np.arange(-axis.low, axis.size + axis.high) % axis.size, place)
            else:
                pads[place] = (axis.low, axis.high)
        total = lax.reduce_window(padded, np.zeros((), padded.dtype), lax.add, sizes, strides, pads)
        if is_mean:
            for place, axis in zip(positions, axes):
                divisors = np.full(axis.output, float(axis.window))
                if arguments.get("normalizeEdges", False) and arguments.get("padding") == "same":
                    starts = np.arange(axis.output) * axis.stride - axis.low
                    divisors = np.minimum(starts + axis.window, axis.size) - np.maximum(starts, 0)
                shape = [1] * values.ndim
                shape[place] = axis.output
                total = total / jnp.asarray(divisors, total.dtype).reshape(shape)
        mask = x.mask
        if mask is not None:
            for place, axis in zip(positions, axes):
                if mask.shape[place] > 1:
                    mask = jnp.take(mask, axis.centres, place)
        return Masked(total, mask)

    return pool


def _global_pool(is_mean):
    def pool(arguments, params, x, context):
        values = x.values
        _, _, positions = _axes(arguments, values.ndim)
        positions = tuple(positions)
        total = values.sum(positions)
        if x.mask is None:
            count = math.prod(values.shape[axis] for axis in positions)
            return Masked(total / count if is_mean else total)
        visible = jnp.broadcast_to(~x.mask, values.shape)
        if is_mean:
            total = total / jnp.maximum(visible.sum(positions), 1).astype(values.dtype)
        return Masked(total, jnp.all(x.mask, positions))

    return pool


def _flatten(arguments, params, x, context):
    batch = arguments.get("batchAxis", 0) % x.values.ndim

    def flat(array):
        array = jnp.moveaxis(array, batch, 0).reshape(array.shape[batch], -1)
        return array.T if arguments.get("batchAxisOut", 0) % 2 else array

    mask = None if x.mask is None else flat(jnp.broadcast_to(x.mask, x.values.shape))
    return Masked(flat(x.values), mask)


def _identity(arguments, params, x, context):
    return x


def _layer_norm(arguments, params, x, context):
    axes = arguments.get("axes", [-1])
    axes = tuple(axis % x.values.ndim for axis in ([axes] if isinstance(axes, int) else axes))
    epsilon = arguments.get("epsilon", 1e-12)
    if x.mask is None:
        centred = x.values - x.values.mean(axes, keepdims=True)
        return Masked(centred / jnp.sqrt((centred**2).mean(axes, keepdims=True) + epsilon))
    visible = jnp.broadcast_to(~x.mask, x.values.shape).astype(x.values.dtype)
    count = jnp.maximum(visible.sum(axes, keepdims=True), 1)
    centred = (x.values - x.values.sum(axes, keepdims=True) / count) * visible
    variance = (centred**2).sum(axes, keepdims=True) / count
    return Masked(centred / jnp.sqrt(jnp.where(variance <= 0, 1, variance + epsilon)), x.mask)


def _dropout(arguments, params, x, context):
    if arguments.get("mode", "train") == "test":
        return x
    if context.rng is None:
        raise NetworkError("dropout: expected a random key for the training-time forward pass, found none; give rng=")
    rate = arguments["keepRate"]
    with _bits_of_old():
        kept = jax.random.bernoulli(context.rng, rate, x.values.shape)
    return Masked(jnp.where(kept, x.values / rate, 0), x.mask)


def _image_resize(arguments, params, x, context):
    shape = arguments["shape"]
    method, antialias = arguments["method"], arguments.get("antialias", True)

    def resized(array, original):
        sizes = [a if size == -1 else size for a, size in zip(original, shape)]
        return jax.image.resize(jnp.broadcast_to(array, original), sizes, method, antialias)

    values = resized(x.values, x.values.shape)
    if x.mask is None:
        return Masked(values)
    channel = arguments.get("channelAxis", -1) % x.values.ndim
    # One mask for all channels stays one.
    sizes = [1 if axis == channel and x.mask.shape[axis] == 1 else size for axis, size in enumerate(x.values.shape)]
    mask = resized((~x.mask).astype(x.values.dtype), sizes) == 0
    return Masked(values, mask)


def _index(arguments, params, x, context):
    def entry(text):
        if isinstance(text, int):
            return text
        if text == "...":
            return Ellipsis
        parts = [int(part) if part.strip() else None for part in text.split(":")]
        return slice(*parts) if len(parts) > 1 else int(text)

    index = tuple(entry(text) for text in arguments["ranges"])
    if x.mask is None:
        return Masked(x.values[index])
    channel = arguments.get("channelAxis", -1) % x.values.ndim
    sizes = [1 if axis == channel and x.mask.shape[axis] == 1 else size for axis, size in enumerate(x.values.shape)]
    return Masked(x.values[index], jnp.broadcast_to(x.mask, sizes)[index])


def _dot_general(arguments, params, x, context):
    contracting, batch = (arguments.get(name, [[], []]) for name in ("contracting", "batch"))
    numbers = (tuple(map(tuple, contracting)), tuple(map(tuple, batch)))
    side = "lhs" if arguments.get("lhs") is not None else "rhs"
    if arguments.get(side) is None:
        return x
    constant = np.asarray(arguments[side])

    def product(array, factor):
        pair = (factor, array) if side == "lhs" else (array, factor)
        return lax.dot_general(*pair, numbers)

    values = product(x.values, jnp.asarray(constant, x.values.dtype))
    if x.mask is None:
        return Masked(values)
    channel = arguments.get("channelAxis", -1) % x.values.ndim
    sizes = [1 if axis == channel and x.mask.shape[axis] == 1 else size for axis, size in enumerate(x.values.shape)]
    visible = jnp.broadcast_to(~x.mask, sizes).astype(jnp.float32)
    return Masked(values, product(visible, jnp.asarray(constant != 0, jnp.float32)) == 0)


def _aggregate(arguments, params, x, context):
    pattern = context.pattern
    if pattern is None:
        return x
    rank = x.values.ndim
    batch, channel, positions = _axes(arguments, rank)
    axes = arguments.get("axes")
    axes = positions if axes is None else sorted({axis % rank for axis in ([axes] if isinstance(axes, int) else axes)})
    order = [batch, *axes]
    others = [axis for axis in range(rank) if axis not in order]
    back = np.argsort(order + others)
    values = jnp.transpose(x.values, order + others)
    sizes = [x.values.shape[axis] for axis in axes]
    count = math.prod(sizes)
    flat = values.reshape(values.shape[0], count, -1)
    if arguments.get("implementation", "dense") == "dense":
        passed = jnp.einsum("nif,nij->njf", flat, pattern.reshape(flat.shape[0], count, count).astype(flat.dtype))
    else:
        edges = pattern if pattern.ndim == 4 else pattern[:, :, None, :]
        if not axes:
            edges = edges.reshape(edges.shape[0], edges.shape[1], 0, 2)
        is_edge = jnp.all(edges >= 0, (2, 3))
        strides = np.array([math.prod(sizes[i + 1 :]) for i in range(len(sizes))], dtype=np.int32)
        places = (jnp.where(edges >= 0, edges, 0) * strides[:, None]).sum(2)
        tails, heads = places[..., 0], places[..., 1]

        def one(row, tail, head, kept):
            return jnp.zeros_like(row).at[head].add(jnp.where(kept[:, None], row[tail], 0))

        passed = jax.vmap(one)(flat, tails, heads, is_edge)
    return Masked(jnp.transpose(passed.reshape(values.shape), back), x.mask)


def _attention(arguments, params, x, context):
    query, key, value, output, bias, embedding = params
    rank = x.values.ndim
    batch, channel, positions = _axes(arguments, rank)
    order = [batch, *positions, channel]
    sizes = [x.values.shape[axis] for axis in positions]

    def flat(array):
        return jnp.transpose(array, order).reshape(array.shape[batch], math.prod(array.shape[a] for a in positions), -1)

    inputs = flat(x.values)
    count = inputs.shape[1]
    mask = None if x.mask is None else jnp.all(flat(jnp.broadcast_to(x.mask, x.values.shape)), 2)
    embedded = inputs
    if embedding is not None:
        vectors = flat(embedding)
        decay = arguments.get("positionalDecay")
        if decay is not None:
            places = np.stack(np.meshgrid(*[np.arange(size) for size in sizes], indexing="ij"), -1).reshape(count, -1)
            distances = (abs(places[:, None] - places[None]).astype(float) ** arguments.get("positionalNorm", 2)).sum(-1)
            correlations = 1 / (1 + distances) if decay == "linear" else np.exp(-distances)
            vectors = jnp.asarray(np.linalg.cholesky(correlations), inputs.dtype) @ vectors
        vectors = jnp.broadcast_to(arguments.get("weightPositionalStd", 1.0) * vectors, (inputs.shape[0], count, vectors.shape[-1]))
        if mask is not None:
            vectors = jnp.where(mask[..., None], 0, vectors)
        is_sum = arguments.get("positionalEmbedding") == "sum"
        embedded = inputs + vectors if is_sum else jnp.concatenate([inputs, vectors], -1)
    sources = embedded if arguments.get("valuePositionalEmbedding", False) and embedding is not None else inputs
    keys = jnp.einsum("nlc,hck->nhlk", embedded, key)
    queries = jnp.einsum("nlc,hck->nhlk", embedded, key if query is None else query)
    values = jnp.einsum("nlc,hcv->nhlv", sources, value)
    width = arguments["keyChannels"]
    norm = embedded.shape[-1] * (width if arguments.get("linearScaling", True) else math.sqrt(width))
    scale = arguments.get("weightKeyStd", 1.0) * arguments.get("weightQueryStd", 1.0) / norm
    scores = scale * jnp.einsum("nhqk,nhpk->nhqp", queries, keys)
    hidden = None if mask is None else mask[:, None, None, :]
    if arguments.get("causal", False):
        later = jnp.asarray(np.triu(np.ones((count, count), bool), 1))[None, None]
        hidden = later if hidden is None else hidden | later
    mechanism = arguments.get("attentionMechanism", "softmax")
    if hidden is not None:
        scores = jnp.where(hidden, -1e20 if mechanism == "softmax" else 0, scores)
    functions = {
        "softmax": lambda s: jax.nn.softmax(s, -1),
        "identity": lambda s: s,
        "abs": jnp.abs,
        "relu": lambda s: jnp.maximum(s, 0),
    }
    weighted = jnp.einsum("nhqp,nhpv->nqvh", functions[mechanism](scores), values)
    heads = weighted.reshape(*weighted.shape[:2], -1)
    fan_in = arguments["valueChannels"] * arguments["heads"] * sources.shape[-1]
    result = heads @ output * (arguments.get("weightOutStd", 1.0) * arguments.get("weightValueStd", 1.0) / math.sqrt(fan_in))
    result = jnp.transpose(result.reshape(inputs.shape[0], *sizes, -1), np.argsort(order))
    if bias is not None:
        result = result + arguments["biasStd"] * bias
    return Masked(result, None if x.mask is None else jnp.all(x.mask, channel, keepdims=True))


def _embedding(arguments, params, x, context):
    (table,) = params
    if arguments.get("parameterization", "ntk") == "ntk":
        table = table * arguments.get("weightStd", 1.0)
    if jnp.issubdtype(x.values.dtype, jnp.integer):
        return Masked(table[x.values], None if x.mask is None else x.mask[..., None])
    mask = None if x.mask is None else jnp.all(x.mask, -1, keepdims=True)
    return Masked(x.values @ table, mask)


_LAYERS = {
    "dense": _dense,
    "conv": _conv,
    "convLocal": _conv_local,
    "convTranspose": _conv_transpose,
    "averagePool": _pool(True),
    "sumPool": _pool(False),
    "globalAveragePool": _global_pool(True),
    "globalSumPool": _global_pool(False),
    "flatten": _flatten,
    "identity": _identity,
    "layerNorm": _layer_norm,
    "dropout": _dropout,
    "imageResize": _image_resize,
    "index": _index,
    "dotGeneral": _dot_general,
    "aggregate": _aggregate,
    "globalSelfAttention": _attention,
    "embedding": _embedding,
}


# ------------------------------------------------------------------------------------------------------------- activations


def _ab_relu(a, b):
    return lambda x: a * jnp.minimum(x, 0) + b * jnp.maximum(x, 0)


def _hermite(degree, x):
    """Probabilists' Hermite polynomials over √(degree!)."""
    before, current = jnp.zeros_like(x), jnp.ones_like(x)
    for k in range(degree):
        before, current = current, (x * current - math.sqrt(k) * before) / math.sqrt(k + 1)
    return current


def _polynomial(coefficients, x):
    result = jnp.zeros_like(x)
    for coefficient in reversed(coefficients):
        result = result * x + coefficient
    return result


def _gelu(arguments, x):
    if arguments.get("approximate", False):
        return 0.5 * x * (1 + jnp.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))
    return 0.5 * x * (1 + lax.erf(x / math.sqrt(2)))


def _softplus(x):
    return jnp.logaddexp(x, 0)


_NUMERICAL = {
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + jnp.abs(x)),
    "silu": lambda x: x * jax.nn.sigmoid(x),
    "swish": lambda x: x * jax.nn.sigmoid(x),
    "mish": lambda x: x * jnp.tanh(_softplus(x)),
    "gelu": lambda x: _gelu({}, x),
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "relu": _ab_relu(0.0, 1.0),
    "hardTanh": lambda x: jnp.clip(x, -1, 1),
    "erf": lax.erf,
    "sin": jnp.sin,
    "cos": jnp.cos,
}


def _kernel_only(arguments, x):
    raise NotImplementedError("expNormalized: expected a kernel, found a finite network, which it has not")


def _external(arguments, x):
    from .._functions import functions_of

    function = functions_of({"externalActivation": arguments}).parts[0]
    if function is None:
        raise NetworkError("externalActivation.fn: expected a function: a finite network needs it, found none")
    return function.function(x)


_ACTIVATIONS = {
    "relu": lambda a, x: _ab_relu(0.0, 1.0)(x),
    "abs": lambda a, x: _ab_relu(-1.0, 1.0)(x),
    "leakyRelu": lambda a, x: _ab_relu(a["alpha"], 1.0)(x),
    "abRelu": lambda a, x: _ab_relu(a["a"], a["b"])(x),
    "erf": lambda a, x: a.get("a", 1.0) * lax.erf(a.get("b", 1.0) * x) + a.get("c", 0.0),
    "sigmoidLike": lambda a, x: 0.5 * lax.erf(x / 2.4020563531719796) + 0.5,
    "gelu": _gelu,
    "sin": lambda a, x: a.get("a", 1.0) * jnp.sin(a.get("b", 1.0) * x + a.get("c", 0.0)),
    "cos": lambda a, x: a.get("a", 1.0) * jnp.cos(a.get("b", 1.0) * x + a.get("c", 0.0)),
    "rbf": lambda a, x: math.sqrt(2) * jnp.sin(math.sqrt(2 * a.get("gamma", 1.0)) * x + math.pi / 4),
    "gaussian": lambda a, x: a.get("a", 1.0) * jnp.exp(a.get("b", -1.0) * x**2),
    "exp": lambda a, x: a.get("a", 1.0) * jnp.exp(a.get("b", 1.0) * x),
    "expNormalized": _kernel_only,
    "gabor": lambda a, x: jnp.exp(-(x**2)) * jnp.sin(x),
    "sign": lambda a, x: jnp.sign(x),
    "hermite": lambda a, x: _hermite(a["degree"], x),
    "monomial": lambda a, x: x ** a["degree"],
    "rectifiedMonomial": lambda a, x: jnp.where(x >= 0, x ** a["degree"], 0),
    "polynomial": lambda a, x: _polynomial(a["coefficients"], x),
    "numerical": lambda a, x: _NUMERICAL[a["function"]](x),
    "tanh": lambda a, x: jnp.tanh(x),
    "sigmoid": lambda a, x: jax.nn.sigmoid(x),
    "softplus": lambda a, x: _softplus(a.get("beta", 1.0) * x) / a.get("beta", 1.0),
    "elu": lambda a, x: jax.nn.elu(x, a.get("alpha", 1.0)),
    "selu": lambda a, x: jax.nn.selu(x),
    "silu": lambda a, x: x * jax.nn.sigmoid(x),
    "swish": lambda a, x: x * jax.nn.sigmoid(x),
    "mish": lambda a, x: x * jnp.tanh(_softplus(x)),
    "softsign": lambda a, x: x / (1 + jnp.abs(x)),
    "hardTanh": lambda a, x: jnp.clip(x, a.get("min", -1.0), a.get("max", 1.0)),
    "externalActivation": _external,
}

__all__ = ["apply"]
