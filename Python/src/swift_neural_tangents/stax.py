"""Layers of neural networks of any width, infinite ones included.

Every function here makes a layer, which is three functions: `init_fn(rng, input_shape)` makes parameters of the finite network,
`apply_fn(params, inputs)` its outputs, and `kernel_fn(x1, x2, get)` the kernels of the infinitely wide one. `serial` and
`parallel` make networks of layers.

Names, arguments and defaults are those of `neural_tangents.stax`.

Examples
--------
>>> import numpy as np
>>> from swift_neural_tangents import stax
>>> init_fn, apply_fn, kernel_fn = stax.serial(
...     stax.Dense(512, W_std=1.5, b_std=0.05), stax.Erf(), stax.Dense(1, W_std=1.5, b_std=0.05))
>>> x = np.array([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
>>> kernel_fn(x, get="nngp").shape
(3, 3)
>>> shape, params = init_fn(0, x.shape)
>>> apply_fn(params, x).shape
(3, 1)
"""

from __future__ import annotations

import enum
import json
import math
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _arrays
from ._functions import elementwise, numerical
from ._layers import Layer, MaskedArray, node_of, unmask_fn
from ._layers import layer as _layer_of
from ._library import NetworkError

__all__ = [
    "serial",
    "parallel",
    "repeat",
    "Dense",
    "Conv",
    "ConvTranspose",
    "ConvLocal",
    "AvgPool",
    "SumPool",
    "GlobalAvgPool",
    "GlobalSumPool",
    "Flatten",
    "Identity",
    "FanOut",
    "FanInSum",
    "FanInProd",
    "FanInConcat",
    "LayerNorm",
    "Dropout",
    "ImageResize",
    "Index",
    "Slice",
    "DotGeneral",
    "Aggregate",
    "GlobalSelfAttention",
    "Relu",
    "Abs",
    "LeakyRelu",
    "ABRelu",
    "Erf",
    "Sigmoid_like",
    "Gelu",
    "Sin",
    "Cos",
    "Rbf",
    "Gaussian",
    "Exp",
    "ExpNormalized",
    "Gabor",
    "Sign",
    "Hermite",
    "Monomial",
    "RectifiedMonomial",
    "Polynomial",
    "Elementwise",
    "ElementwiseNumerical",
    "Padding",
    "AttentionMechanism",
    "PositionalEmbedding",
    "AggregateImplementation",
    "MaskedArray",
    "unmask_fn",
    "Bool",
    "Diagonal",
    "layer_from",
    "layer",
    "requires",
    "supports_masking",
]


class Padding(enum.Enum):
    """How windows lie at the edges."""

    CIRCULAR = "CIRCULAR"
    SAME = "SAME"
    VALID = "VALID"


class AttentionMechanism(enum.Enum):
    """What attention makes of products of queries and keys."""

    SOFTMAX = "SOFTMAX"
    IDENTITY = "IDENTITY"
    ABS = "ABS"
    RELU = "RELU"


class PositionalEmbedding(enum.Enum):
    """How positions come into attention."""

    NONE = "NONE"
    SUM = "SUM"
    CONCAT = "CONCAT"


class AggregateImplementation(enum.Enum):
    """How graphs are given."""

    DENSE = "DENSE"
    SPARSE = "SPARSE"


class Bool(enum.IntEnum):
    """No, maybe or yes: kept for code that names it."""

    NO = 0
    MAYBE = 1
    YES = 2

    def __and__(self, other: "Bool") -> "Bool":
        return Bool(min(int(self), int(other)))

    __rand__ = __and__


class Diagonal:
    """What a layer needs of covariances: kept for code that names it. Layers here find out by themselves."""

    def __init__(self, input: Bool = Bool.YES, output: Bool = Bool.NO):
        self.input, self.output = Bool(input), Bool(output)

    def __rshift__(self, other: "Diagonal") -> "Diagonal":
        """This one first, then `other`."""
        if self.output == Bool.YES:
            return self
        if self.output > Bool.NO and other.input > Bool.NO:
            return Diagonal(self.input, other.output)
        if self.output == Bool.NO and other.input < Bool.YES:
            return Diagonal(Bool.NO, other.output)
        return Diagonal(self.input & other.input, other.output)

    def __lshift__(self, other: "Diagonal") -> "Diagonal":
        return other >> self

    def __and__(self, other: "Diagonal") -> "Diagonal":
        return Diagonal(self.input & other.input, self.output & other.output)

    def __bool__(self) -> bool:
        return self.input == Bool.YES and self.output > Bool.NO

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Diagonal) and (self.input, self.output) == (other.input, other.output)

    def __hash__(self) -> int:
        return hash((self.input, self.output))

    def __repr__(self) -> str:
        return f"Diagonal(input={self.input.name}, output={self.output.name})"


# ------------------------------------------------------------------------------------------------------------- arguments


def _number(value: Any) -> Any:
    """A number of Python's for one of NumPy's or JAX's."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, (int, np.integer)):
        return int(value)
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _sizes(values: Any) -> Any:
    """A list of numbers for a tuple or an array of them."""
    if values is None:
        return None
    if isinstance(values, (tuple, list, np.ndarray)):
        return [_number(value) for value in values]
    return _number(values)


def _word(value: Any, kind: type[enum.Enum], name: str) -> str:
    """The name of an enumeration in lower case, given as text or as its case."""
    if isinstance(value, kind):
        return value.name.lower()
    if isinstance(value, str) and value in kind.__members__:
        return value.lower()
    raise ValueError(f"{name}: expected one of {', '.join(kind.__members__)}, found {value!r}")


def _make(name: str, arguments: dict, title: str, **defaults: Any) -> Layer:
    """A layer of a node whose arguments are those that are not None and not their default."""
    given = {key: value for key, value in arguments.items() if value is not None and value != defaults.get(key)}
    return _layer_of({name: given}, title)


_AXES = {"batchAxis": 0, "channelAxis": -1}


def _affine(W_std, b_std, parameterization, s) -> dict:
    if not isinstance(parameterization, str):
        raise TypeError(f"parameterization: expected 'ntk' or 'standard', found {parameterization!r}")
    return {
        "weightStd": _number(W_std),
        "biasStd": _number(b_std),
        "parameterization": parameterization.lower(),
        "widthScales": _sizes(s),
    }


_AFFINE = {"weightStd": 1.0, "parameterization": "ntk", "widthScales": [1, 1]}


# ------------------------------------------------------------------------------------------------------------- combinators


def serial(*layers: Any) -> Layer:
    """Layers one after another.

    Parameters
    ----------
    *layers : layer
        At least one; each takes what the one before it gives.

    Examples
    --------
    >>> import numpy as np
    >>> _, _, kernel_fn = serial(Dense(1), Relu(), Dense(1))
    >>> kernel_fn(np.eye(2), np.ones((1, 2)), "nngp").shape
    (2, 1)
    """
    if not layers:
        raise ValueError("serial: expected at least one layer, found none")
    return _layer_of({"serial": [node_of(one) for one in layers]}, "serial")


def parallel(*layers: Any) -> Layer:
    """Layers side by side: the first works on the first input of a list, the second on the second, and so on."""
    if not layers:
        raise ValueError("parallel: expected at least one layer, found none")
    return _layer_of({"parallel": [node_of(one) for one in layers]}, "parallel")


def repeat(layer_: Any = None, n: int = 1, **keywords: Any) -> Layer:
    """One layer `n` times, each time with parameters of its own; the layer must keep its input's shape."""
    layer_ = keywords.pop("layer", layer_)
    if keywords:
        raise TypeError(f"repeat: expected the arguments layer and n, found {', '.join(keywords)}")
    return _layer_of({"repeat": {"layer": node_of(layer_), "count": _number(n)}}, "repeat")


def layer_from(source: Any) -> Layer:
    """The layer that a network file describes.

    Parameters
    ----------
    source : dict, str or path
        A node as a dictionary, JSON text, or the name of a JSON file.

    Examples
    --------
    >>> layer_from({"serial": [{"dense": {"width": 8}}, {"tanh": {}}, {"dense": {"width": 1}}]}).kernel_fn.__name__
    'serial'
    """
    if isinstance(source, (tuple, list)) and len(source) == 3:
        source = node_of(source)
    if isinstance(source, pathlib.Path) or (isinstance(source, str) and not source.lstrip().startswith("{")):
        source = pathlib.Path(source).read_text(encoding="utf-8")
    if isinstance(source, str):
        try:
            source = json.loads(source)
        except ValueError as error:
            raise NetworkError(f"expected JSON, found {error}") from error
    if not isinstance(source, dict) or len(source) != 1:
        raise NetworkError(f"expected an object with one key, a layer's name, found {source!r:.80}")
    return _layer_of(source, next(iter(source)))


# ------------------------------------------------------------------------------------------------------------ linear layers


def Dense(
    out_dim: int,
    W_std: float = 1.0,
    b_std: float | None = None,
    batch_axis: int = 0,
    channel_axis: int = -1,
    parameterization: str = "ntk",
    s: tuple[float, float] = (1, 1),
) -> Layer:
    """A fully connected layer, the same at every position.

    Parameters
    ----------
    out_dim : int
        Channels of the outputs; of no importance to the infinite network with `parameterization="ntk"`.
    W_std, b_std : float
        Standard deviations of weights and biases; None for no bias.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    parameterization : {"ntk", "standard"}
        `x W * W_std / sqrt(fan_in) + b * b_std` with standard normal weights, or weights with that variance.
    s : pair of float
        With "standard", factors of the widths of inputs and outputs.
    """
    return _make(
        "dense",
        {
            "width": _number(out_dim),
            **_affine(W_std, b_std, parameterization, s),
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        "Dense",
        **_AFFINE,
        **_AXES,
    )


def _convolution(name, title, out_chan, filter_shape, strides, padding, W_std, b_std, dimension_numbers, parameterization, s):
    numbers = dimension_numbers
    if numbers is not None:
        numbers = [str(part) for part in numbers]
    return _make(
        name,
        {
            "channels": _number(out_chan),
            "window": _sizes(filter_shape),
            "strides": _sizes(strides),
            "padding": _word(padding, Padding, "padding"),
            **_affine(W_std, b_std, parameterization, s),
            "dimensionNumbers": numbers,
        },
        title,
        padding="valid",
        **_AFFINE,
    )


def Conv(
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    W_std: float = 1.0,
    b_std: float | None = None,
    dimension_numbers: tuple[str, str, str] | None = None,
    parameterization: str = "ntk",
    s: tuple[float, float] = (1, 1),
) -> Layer:
    """A convolution.

    Parameters
    ----------
    out_chan : int
        Channels of the outputs.
    filter_shape, strides : sequence of int
        A number for every axis of positions, in the filter's order; strides are 1 by default.
    padding : {"VALID", "SAME", "CIRCULAR"}
        Where windows may lie.
    W_std, b_std, parameterization, s
        As of `Dense`.
    dimension_numbers : three strings, optional
        Axes of inputs, filters and outputs, such as `("NCHW", "OIHW", "NCHW")`; channels last by default.
    """
    return _convolution(
        "conv", "Conv", out_chan, filter_shape, strides, padding, W_std, b_std, dimension_numbers, parameterization, s
    )


def ConvTranspose(
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    W_std: float = 1.0,
    b_std: float | None = None,
    dimension_numbers: tuple[str, str, str] | None = None,
    parameterization: str = "ntk",
    s: tuple[float, float] = (1, 1),
) -> Layer:
    """A transposed convolution, which makes more positions of few; arguments as of `Conv`."""
    return _convolution(
        "convTranspose",
        "ConvTranspose",
        out_chan,
        filter_shape,
        strides,
        padding,
        W_std,
        b_std,
        dimension_numbers,
        parameterization,
        s,
    )


def ConvLocal(
    out_chan: int,
    filter_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    W_std: float = 1.0,
    b_std: float | None = None,
    dimension_numbers: tuple[str, str, str] | None = None,
    parameterization: str = "ntk",
    s: tuple[float, float] = (1, 1),
) -> Layer:
    """A convolution with weights of its own at every position; arguments as of `Conv`."""
    return _convolution(
        "convLocal", "ConvLocal", out_chan, filter_shape, strides, padding, W_std, b_std, dimension_numbers, parameterization, s
    )


def _pool(name, title, window_shape, strides, padding, normalize_edges, batch_axis, channel_axis):
    return _make(
        name,
        {
            "window": _sizes(window_shape),
            "strides": _sizes(strides),
            "padding": _word(padding, Padding, "padding"),
            "normalizeEdges": bool(normalize_edges),
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        title,
        padding="valid",
        normalizeEdges=False,
        **_AXES,
    )


def AvgPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    normalize_edges: bool = False,
    batch_axis: int = 0,
    channel_axis: int = -1,
) -> Layer:
    """Means over windows of positions.

    Parameters
    ----------
    window_shape, strides : sequence of int
        A number for every axis of positions; strides are 1 by default.
    padding : {"VALID", "SAME", "CIRCULAR"}
        Where windows may lie.
    normalize_edges : bool
        With "SAME", whether to divide by the number of positions that are there rather than by the window's.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    return _pool("averagePool", "AvgPool", window_shape, strides, padding, normalize_edges, batch_axis, channel_axis)


def SumPool(
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: str = "VALID",
    batch_axis: int = 0,
    channel_axis: int = -1,
) -> Layer:
    """Sums over windows of positions; arguments as of `AvgPool`."""
    return _pool("sumPool", "SumPool", window_shape, strides, padding, False, batch_axis, channel_axis)


def GlobalAvgPool(batch_axis: int = 0, channel_axis: int = -1) -> Layer:
    """The mean over all positions."""
    return _make("globalAveragePool", {"batchAxis": batch_axis, "channelAxis": channel_axis}, "GlobalAvgPool", **_AXES)


def GlobalSumPool(batch_axis: int = 0, channel_axis: int = -1) -> Layer:
    """The sum over all positions."""
    return _make("globalSumPool", {"batchAxis": batch_axis, "channelAxis": channel_axis}, "GlobalSumPool", **_AXES)


def Flatten(batch_axis: int = 0, batch_axis_out: int = 0) -> Layer:
    """All positions and channels as channels.

    Parameters
    ----------
    batch_axis : int
        Where inputs have the batch.
    batch_axis_out : {0, 1, -1, -2}
        Where outputs, which have two axes, have it.
    """
    if batch_axis_out not in (0, 1, -1, -2):
        raise ValueError(f"batch_axis_out: expected 0, 1, -1 or -2, found {batch_axis_out!r}")
    return _make("flatten", {"batchAxis": batch_axis, "batchAxisOut": batch_axis_out % 2}, "Flatten", batchAxis=0, batchAxisOut=0)


def Identity() -> Layer:
    """The inputs as they are."""
    return _layer_of({"identity": {}}, "Identity")


def FanOut(num: int) -> Layer:
    """`num` copies of the input, as a list."""
    return _layer_of({"fanOut": {"count": _number(num)}}, "FanOut")


def FanInSum() -> Layer:
    """The sum of a list of inputs, which have to be independent."""
    return _layer_of({"fanInSum": {}}, "FanInSum")


def FanInProd() -> Layer:
    """The product of a list of inputs, entry by entry, which have to be independent."""
    return _layer_of({"fanInProduct": {}}, "FanInProd")


def FanInConcat(axis: int = -1) -> Layer:
    """A list of inputs along an axis."""
    return _make("fanInConcat", {"axis": axis}, "FanInConcat", axis=-1)


def LayerNorm(axis: int | Sequence[int] = -1, eps: float = 1e-12, batch_axis: int = 0, channel_axis: int = -1) -> Layer:
    """Zero mean and unit variance along axes, of which the channels have to be one.

    Parameters
    ----------
    axis : int or sequence of int
        Axes of the inputs.
    eps : float
        Added to variances.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    axes = list(_sizes(axis)) if isinstance(axis, (tuple, list, np.ndarray)) else [_number(axis)]
    return _make(
        "layerNorm",
        {"axes": axes, "epsilon": _number(eps), "batchAxis": batch_axis, "channelAxis": channel_axis},
        "LayerNorm",
        axes=[-1],
        epsilon=1e-12,
        **_AXES,
    )


def Dropout(rate: float, mode: str = "train") -> Layer:
    """Zeros in random places.

    Parameters
    ----------
    rate : float
        The probability to *keep* an entry, above 0 and at most 1.
    mode : {"train", "test"}
        Whether anything is dropped.
    """
    return _make("dropout", {"keepRate": _number(rate), "mode": mode}, "Dropout", mode="train")


def ImageResize(
    shape: Sequence[int],
    method: str,
    antialias: bool = True,
    precision: Any = None,
    batch_axis: int = 0,
    channel_axis: int = -1,
) -> Layer:
    """Positions resampled.

    Parameters
    ----------
    shape : sequence of int
        Sizes of all axes of the outputs; -1 keeps one.
    method : str
        "nearest", "linear", "cubic", "lanczos3", "lanczos5" or another name that `jax.image.resize` has for them; kernels of all of
        them are exact. A case of `jax.image.ResizeMethod` does as well.
    antialias : bool
        Whether to smooth where sizes shrink.
    precision : ignored
        Products here are always those of the full type.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    name = method.name.lower() if isinstance(method, enum.Enum) else method
    return _make(
        "imageResize",
        {
            "shape": _sizes(shape),
            "method": name,
            "antialias": bool(antialias),
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        "ImageResize",
        antialias=True,
        **_AXES,
    )


class _Slice:
    """`Slice[1:, ::2]` is an index expression for `Index`."""

    def __getitem__(self, index: Any) -> Any:
        return index


Slice = _Slice()


def _range(index: Any) -> Any:
    """One entry of an index expression as network files have it."""
    if index is Ellipsis:
        return "..."
    if isinstance(index, slice):
        start, stop, step = (("" if part is None else str(int(part))) for part in (index.start, index.stop, index.step))
        return f"{start}:{stop}" + (f":{step}" if step else "")
    if isinstance(index, (int, np.integer)) and not isinstance(index, bool):
        return int(index)
    raise TypeError(f"idx: expected slices and integers, found {index!r}")


def Index(idx: Any, batch_axis: int = 0, channel_axis: int = -1) -> Layer:
    """`inputs[idx]`.

    Parameters
    ----------
    idx : slice, int, Ellipsis or tuple of those
        Channels have to be kept whole; `Slice[...]` writes it.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    entries = idx if isinstance(idx, tuple) else (idx,)
    return _make(
        "index",
        {"ranges": [_range(entry) for entry in entries], "batchAxis": batch_axis, "channelAxis": channel_axis},
        "Index",
        **_AXES,
    )


def DotGeneral(
    *,
    lhs: Any = None,
    rhs: Any = None,
    dimension_numbers: Any = (((), ()), ((), ())),
    precision: Any = None,
    batch_axis: int = 0,
    channel_axis: int = -1,
) -> Layer:
    """A product with a constant, as `jax.lax.dot_general` takes it.

    Parameters
    ----------
    lhs, rhs : array, optional
        The constant, on one side; the input is the other. Neither is the identity.
    dimension_numbers : `((lhs_contracting, rhs_contracting), (lhs_batch, rhs_batch))`
        Axes that are summed over and that are kept in common. Channels can be neither.
    precision : ignored
        Products here are always those of the full type.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    if lhs is not None and rhs is not None:
        raise ValueError("lhs, rhs: expected at most one constant, found two")
    if lhs is None and rhs is None:
        return _layer_of({"identity": {}}, "DotGeneral")
    side, constant = ("lhs", lhs) if lhs is not None else ("rhs", rhs)
    (contracting, batch) = dimension_numbers
    return _make(
        "dotGeneral",
        {
            side: _arrays.to_numpy(constant, side).tolist(),
            "contracting": [[int(axis) for axis in axes] for axes in contracting],
            "batch": [[int(axis) for axis in axes] for axes in batch],
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        "DotGeneral",
        contracting=[[], []],
        batch=[[], []],
        **_AXES,
    )


def Aggregate(
    aggregate_axis: int | Sequence[int] | None = None,
    batch_axis: int = 0,
    channel_axis: int = -1,
    to_dense: Callable | None = None,
    implementation: str = "DENSE",
) -> Layer:
    """Sums along the edges of graphs, which `pattern=` gives to `apply_fn` and `kernel_fn`.

    Parameters
    ----------
    aggregate_axis : int or sequence of int, optional
        Axes of nodes; by default all axes of positions.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    to_dense : function, optional
        Has to be the identity: apply it to the pattern before the call.
    implementation : {"DENSE", "SPARSE"}
        Whether patterns are adjacency matrices `(N, X…, X…)`, or edges `(N, E, K, 2)`.
    """
    if to_dense is not None and not _is_identity(to_dense):
        raise NotImplementedError("to_dense: expected None; apply the function to the pattern before the call")
    axes = (
        None if aggregate_axis is None else ([_number(aggregate_axis)] if np.ndim(aggregate_axis) == 0 else _sizes(aggregate_axis))
    )
    return _make(
        "aggregate",
        {
            "axes": axes,
            "implementation": _word(implementation, AggregateImplementation, "implementation"),
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        "Aggregate",
        implementation="dense",
        **_AXES,
    )


def _is_identity(function: Callable) -> bool:
    probe = np.arange(4.0).reshape(1, 2, 2)
    try:
        return bool(np.array_equal(np.asarray(function(probe)), probe))
    except Exception:
        return False


def GlobalSelfAttention(
    n_chan_out: int,
    n_chan_key: int,
    n_chan_val: int,
    n_heads: int,
    linear_scaling: bool = True,
    W_key_std: float = 1.0,
    W_value_std: float = 1.0,
    W_query_std: float = 1.0,
    W_out_std: float = 1.0,
    b_std: float | None = None,
    attention_mechanism: str = "SOFTMAX",
    pos_emb_type: str = "NONE",
    pos_emb_p_norm: float = 2,
    pos_emb_decay_fn: Any = None,
    n_chan_pos_emb: int | None = None,
    W_pos_emb_std: float = 1.0,
    val_pos_emb: bool = False,
    batch_axis: int = 0,
    channel_axis: int = -1,
) -> Layer:
    """Self-attention between all positions.

    Parameters
    ----------
    n_chan_out, n_chan_key, n_chan_val, n_heads : int
        Channels of outputs, keys and values, and heads.
    linear_scaling : bool
        Whether products are divided by the number of key channels, and not by its root. Without it, the mechanism has to be
        "IDENTITY".
    W_key_std, W_value_std, W_query_std, W_out_std, b_std, W_pos_emb_std : float
        Standard deviations of weights, of the bias (None for none) and of positional embeddings.
    attention_mechanism : {"SOFTMAX", "IDENTITY", "ABS", "RELU"}
    pos_emb_type : {"NONE", "SUM", "CONCAT"}
    pos_emb_p_norm : float
        Of distances between positions.
    pos_emb_decay_fn : {None, "linear", "exponential"} or function
        The covariance of embeddings at a distance d: 0, `1 / (1 + d)`, `exp(-d)`. Of functions, those two are recognised.
    n_chan_pos_emb : int, optional
        Channels of the embeddings with "CONCAT".
    val_pos_emb : bool
        Whether values have embeddings, too.
    batch_axis, channel_axis : int
        Where inputs have the batch and the channels.
    """
    return _make(
        "globalSelfAttention",
        {
            "outputChannels": _number(n_chan_out),
            "keyChannels": _number(n_chan_key),
            "valueChannels": _number(n_chan_val),
            "heads": _number(n_heads),
            "linearScaling": bool(linear_scaling),
            "weightKeyStd": _number(W_key_std),
            "weightValueStd": _number(W_value_std),
            "weightQueryStd": _number(W_query_std),
            "weightOutStd": _number(W_out_std),
            "biasStd": _number(b_std),
            "attentionMechanism": _word(attention_mechanism, AttentionMechanism, "attention_mechanism"),
            "positionalEmbedding": _word(pos_emb_type, PositionalEmbedding, "pos_emb_type"),
            "positionalNorm": _number(pos_emb_p_norm),
            "positionalDecay": _decay(pos_emb_decay_fn),
            "positionalChannels": _number(n_chan_pos_emb),
            "weightPositionalStd": _number(W_pos_emb_std),
            "valuePositionalEmbedding": bool(val_pos_emb),
            "batchAxis": batch_axis,
            "channelAxis": channel_axis,
        },
        "GlobalSelfAttention",
        linearScaling=True,
        weightKeyStd=1.0,
        weightValueStd=1.0,
        weightQueryStd=1.0,
        weightOutStd=1.0,
        attentionMechanism="softmax",
        positionalEmbedding="none",
        positionalNorm=2,
        weightPositionalStd=1.0,
        valuePositionalEmbedding=False,
        **_AXES,
    )


def _decay(function: Any) -> str | None:
    """The name of a decay, or of the function that it is."""
    if function is None or isinstance(function, str):
        return function
    distances = np.array([0.0, 0.5, 1.0, 2.0, 7.0])
    try:
        found = np.asarray(function(distances), dtype=float)
    except Exception:
        found = np.full(5, math.nan)
    if np.allclose(found, 1 / (1 + distances), rtol=1e-6):
        return "linear"
    if np.allclose(found, np.exp(-distances), rtol=1e-6):
        return "exponential"
    raise NotImplementedError(
        "pos_emb_decay_fn: expected None, 'linear' (1 / (1 + d)), 'exponential' (exp(-d)) or one of these as a function, "
        f"found {function!r}"
    )


# -------------------------------------------------------------------------------------------------------------- activations


def Relu(do_stabilize: bool = False) -> Layer:
    """max(x, 0). `do_stabilize` divides by the largest covariance first, which changes rounding only."""
    return _make("relu", {"stabilize": bool(do_stabilize)}, "ABRelu", stabilize=False)


def Abs(do_stabilize: bool = False) -> Layer:
    """|x|. `do_stabilize` as of `Relu`."""
    return _make("abs", {"stabilize": bool(do_stabilize)}, "ABRelu", stabilize=False)


def LeakyRelu(alpha: float, do_stabilize: bool = False) -> Layer:
    """`alpha * min(x, 0) + max(x, 0)`. `do_stabilize` as of `Relu`."""
    return _make("leakyRelu", {"alpha": _number(alpha), "stabilize": bool(do_stabilize)}, "ABRelu", stabilize=False)


def ABRelu(a: float, b: float, do_stabilize: bool = False) -> Layer:
    """`a * min(x, 0) + b * max(x, 0)`. `do_stabilize` as of `Relu`."""
    return _make("abRelu", {"a": _number(a), "b": _number(b), "stabilize": bool(do_stabilize)}, "ABRelu", stabilize=False)


def Erf(a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Layer:
    """`a * erf(b * x) + c`."""
    return _make("erf", {"a": _number(a), "b": _number(b), "c": _number(c)}, "Erf", a=1.0, b=1.0, c=0.0)


def Sigmoid_like() -> Layer:
    """A function made of erf that is nearly a sigmoid: `erf(x / 2.4020563531719796) / 2 + 1 / 2`."""
    return _layer_of({"sigmoidLike": {}}, "Erf")


def Gelu(approximate: bool = False) -> Layer:
    """`x * (1 + erf(x / sqrt(2))) / 2`; `approximate` has a tanh in place of it in finite networks."""
    return _make("gelu", {"approximate": bool(approximate)}, "Gelu", approximate=False)


def Sin(a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Layer:
    """`a * sin(b * x + c)`."""
    return _make("sin", {"a": _number(a), "b": _number(b), "c": _number(c)}, "Sin", a=1.0, b=1.0, c=0.0)


def Cos(a: float = 1.0, b: float = 1.0, c: float = 0.0) -> Layer:
    """`a * cos(b * x + c)`."""
    return _make("cos", {"a": _number(a), "b": _number(b), "c": _number(c)}, "Sin", a=1.0, b=1.0, c=0.0)


def Rbf(gamma: float = 1.0) -> Layer:
    """`sqrt(2) * sin(sqrt(2 * gamma) * x + pi / 4)`, whose dual is the kernel `exp(-gamma * |x - x'|**2)`."""
    return _make("rbf", {"gamma": _number(gamma)}, "Rbf", gamma=1.0)


def Gaussian(a: float = 1, b: float = -1) -> Layer:
    """`a * exp(b * x**2)`."""
    return _make("gaussian", {"a": _number(a), "b": _number(b)}, "Gaussian", a=1, b=-1)


def Exp(a: float = 1, b: float = 1) -> Layer:
    """`a * exp(b * x)`."""
    return _make("exp", {"a": _number(a), "b": _number(b)}, "Exp", a=1, b=1)


def ExpNormalized(gamma: float = 1, shift: float = -1, do_clip: bool = False) -> Layer:
    """An activation known by its kernel only: `sqrt(q11 * q22) * exp(gamma * (correlation + shift))`."""
    return _make(
        "expNormalized",
        {"gamma": _number(gamma), "shift": _number(shift), "clip": bool(do_clip)},
        "ExpNormalized",
        gamma=1,
        shift=-1,
        clip=False,
    )


def Gabor() -> Layer:
    """`exp(-x**2) * sin(x)`."""
    return _layer_of({"gabor": {}}, "Gabor")


def Sign() -> Layer:
    """The sign, whose tangent kernel is zero."""
    return _layer_of({"sign": {}}, "Sign")


def Hermite(degree: int) -> Layer:
    """The normalised Hermite polynomial; inputs have to have variance 1."""
    return _layer_of({"hermite": {"degree": _number(degree)}}, "Hermite")


def Monomial(degree: int) -> Layer:
    """`x**degree`."""
    return _layer_of({"monomial": {"degree": _number(degree)}}, "Monomial")


def RectifiedMonomial(degree: int) -> Layer:
    """`max(x, 0)**degree`; a step for degree 0."""
    return _layer_of({"rectifiedMonomial": {"degree": _number(degree)}}, "RectifiedMonomial")


def Polynomial(coef: Sequence[float]) -> Layer:
    """The polynomial with these coefficients, from the constant on."""
    return _layer_of({"polynomial": {"coefficients": _sizes(list(coef))}}, "Polynomial")


def Elementwise(fn: Callable | None = None, nngp_fn: Callable | None = None, d_nngp_fn: Callable | None = None) -> Layer:
    """An activation of one's own, by its dual.

    Parameters
    ----------
    fn : function of an array, optional
        The activation, for finite networks.
    nngp_fn : function `(q12, q11, q22) -> E[fn(u) fn(v)]`
        The dual, of arrays that broadcast, element by element. It is called from the library, in float64.
    d_nngp_fn : function, optional
        `E[fn'(u) fn'(v)]`, the derivative of the dual in `q12`. Without it, JAX differentiates `nngp_fn` where it is imported and
        can; otherwise tangent kernels are an error.
    """
    return elementwise(fn, nngp_fn, d_nngp_fn)


def ElementwiseNumerical(fn: Callable | str, deg: int, df: Callable | None = None) -> Layer:
    """An activation of one's own, whose dual is computed by Gauss-Hermite quadrature.

    Parameters
    ----------
    fn : function of an array, or the name of one
        The activation. Those that the library has a name for ("tanh", "sigmoid", "softplus", "elu", …) run there; others are
        called from the library, in float64.
    deg : int
        Nodes of the quadrature.
    df : function, optional
        The derivative of `fn`. Without it, JAX differentiates `fn` where it is imported and can; otherwise tangent kernels are an
        error.
    """
    return numerical(fn, deg, df)


# ------------------------------------------------------------------------------------------- what layers of one's own need


def _no_custom_layers(name: str) -> Callable:
    def decorator(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f"stax.{name} decorates layers that are written inside neural-tangents; here an activation of one's own is "
            "stax.Elementwise, and any other layer conforms to the protocol Layer of the Swift package"
        )

    decorator.__name__ = name
    decorator.__doc__ = "Not available: layers of one's own are `Elementwise`, or Swift."
    return decorator


layer = _no_custom_layers("layer")
requires = _no_custom_layers("requires")
supports_masking = _no_custom_layers("supports_masking")
