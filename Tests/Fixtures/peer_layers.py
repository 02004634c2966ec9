"""The peer's layers with spatial axes, added to those of fixture_support, and its kernels in our layout.

Ours is (N1, N2, P…, P'…), or (N1, N2, P…) where only the spatial diagonal is kept, with the positions P in the order
of the activation's axes without batch and channel; the peer pairs P with P' axis by axis, sometimes in reversed order.
"""

import fixture_support
import jax.numpy as jnp
import numpy as np
from fixture_support import build
from neural_tangents import stax
from position_maps import index_expression

DECAYS = {None: None, "linear": lambda d: 1 / (1 + d), "exponential": lambda d: jnp.exp(-d)}


def _tuple(value):
  return None if value is None else tuple(value)


def _axes(a):
  return {"batch_axis": a.get("batchAxis", 0), "channel_axis": a.get("channelAxis", -1)}


def _convolution(make):
  return lambda a: make(
    a["channels"],
    tuple(a["window"]),
    _tuple(a.get("strides")),
    a.get("padding", "valid").upper(),
    a.get("weightStd", 1.0),
    a.get("biasStd"),
    _tuple(a.get("dimensionNumbers")),
    a.get("parameterization", "ntk"),
    tuple(a.get("widthScales", (1, 1))),
  )


def _pool(make, *names):
  return lambda a: make(
    tuple(a["window"]),
    _tuple(a.get("strides")),
    a.get("padding", "valid").upper(),
    *[a.get(name, False) for name in names],
    **_axes(a),
  )


def _dot_general(a):
  pairs = [tuple(tuple(axes) for axes in a.get(key, ((), ()))) for key in ("contracting", "batch")]
  constants = {key: np.asarray(a[key]) for key in ("lhs", "rhs") if key in a}
  return stax.DotGeneral(**constants, dimension_numbers=tuple(pairs), **_axes(a))


def _attention(a):
  return stax.GlobalSelfAttention(
    a["outputChannels"],
    a["keyChannels"],
    a["valueChannels"],
    a["heads"],
    a.get("linearScaling", True),
    a.get("weightKeyStd", 1.0),
    a.get("weightValueStd", 1.0),
    a.get("weightQueryStd", 1.0),
    a.get("weightOutStd", 1.0),
    a.get("biasStd"),
    a.get("attentionMechanism", "softmax").upper(),
    a.get("positionalEmbedding", "none").upper(),
    a.get("positionalNorm", 2),
    DECAYS[a.get("positionalDecay")],
    a.get("positionalChannels"),
    a.get("weightPositionalStd", 1.0),
    a.get("valuePositionalEmbedding", False),
    **_axes(a),
  )


fixture_support.LAYERS.update(
  {
    "conv": _convolution(stax.Conv),
    "convTranspose": _convolution(stax.ConvTranspose),
    "convLocal": _convolution(stax.ConvLocal),
    "averagePool": _pool(stax.AvgPool, "normalizeEdges"),
    "sumPool": _pool(stax.SumPool),
    "globalAveragePool": lambda a: stax.GlobalAvgPool(**_axes(a)),
    "globalSumPool": lambda a: stax.GlobalSumPool(**_axes(a)),
    "flatten": lambda a: stax.Flatten(a.get("batchAxis", 0), a.get("batchAxisOut", 0)),
    "layerNorm": lambda a: stax.LayerNorm(tuple(a.get("axes", (-1,))), a.get("epsilon", 1e-12), **_axes(a)),
    "imageResize": lambda a: stax.ImageResize(tuple(a["shape"]), a["method"], a.get("antialias", True), **_axes(a)),
    "index": lambda a: stax.Index(index_expression(a["ranges"]), **_axes(a)),
    "dotGeneral": _dot_general,
    "aggregate": lambda a: stax.Aggregate(
      _tuple(a.get("axes")), **_axes(a), implementation=a.get("implementation", "dense").upper()
    ),
    "globalSelfAttention": _attention,
  }
)


def positions_together(matrix, leading, reversed_pairs):
  """(…, H, H', W, W') or, reversed, (…, W, W', H, H') to (…, H, W, H', W'); `leading` axes stay in front."""
  matrix = np.asarray(matrix)
  first = list(range(leading, matrix.ndim, 2))
  if reversed_pairs:
    first.reverse()
  return matrix.transpose([*range(leading), *first, *[axis + 1 for axis in first]])


def position_mask(mask, kernel):
  """A mask of an activation as (N, P…): a position is masked when all its channels are."""
  return np.moveaxis(np.asarray(mask), (kernel.batch_axis, kernel.channel_axis), (0, -1)).all(axis=-1)


def peer_kernel(network, x1, x2, mask_constant=None, patterns=None, diagonal=None, full_batch=False):
  """nngp, ntk, cov1, cov2, mask1, mask2, shape1 of the peer."""
  arguments = {}
  if mask_constant is not None:
    arguments["mask_constant"] = mask_constant
  if patterns is not None:
    arguments["pattern"] = patterns
  if diagonal is not None:
    arguments["diagonal_spatial"] = diagonal
  if full_batch:
    arguments["diagonal_batch"] = False
  kernel = build(network)[2](x1, x2, **arguments)
  assert np.shape(kernel.ntk) in ((), np.shape(kernel.nngp))
  ntk = np.broadcast_to(np.asarray(kernel.ntk), np.shape(kernel.nngp))
  between = lambda m: np.asarray(m) if kernel.diagonal_spatial else positions_together(m, 2, kernel.is_reversed)

  def within(matrix):
    if matrix is None:
      return None
    leading = 1 if kernel.diagonal_batch else 2
    matrix = np.asarray(matrix)
    matrix = matrix if kernel.diagonal_spatial else positions_together(matrix, leading, kernel.is_reversed)
    if leading == 2 and not full_batch:
      matrix = np.moveaxis(np.diagonal(matrix, axis1=0, axis2=1), -1, 0)
    return matrix

  mask = lambda m: None if m is None else position_mask(m, kernel)
  return {
    "nngp": between(kernel.nngp),
    "ntk": between(ntk),
    "cov1": within(kernel.cov1),
    "cov2": within(kernel.cov2),
    "mask1": mask(kernel.mask1),
    "mask2": mask(kernel.mask2),
    "shape1": tuple(kernel.shape1),
  }
