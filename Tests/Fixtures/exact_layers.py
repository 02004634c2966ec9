"""Kernels of networks with spatial axes, written from the layer rules alone: every covariance in full, no shortcuts.

Independent of the peer. Each matrix has the axes (n, m, p, p') with all positions of an activation in one axis, in
row-major order; linear layers are explicit matrices over positions. Masked positions are zero after every layer.
"""

import itertools
import math
from dataclasses import dataclass, replace

import numpy as np
import position_maps as maps
from float_duals import duals


@dataclass(frozen=True)
class Kernels:
  nngp: np.ndarray
  ntk: np.ndarray
  cov1: np.ndarray
  cov2: np.ndarray
  space: tuple  # sizes of the spatial axes
  channels: int
  batch: int  # where the batch axis is in the activation
  channel: int
  mask1: np.ndarray | None  # (n, p)
  mask2: np.ndarray | None
  symmetric: bool

  @property
  def rank(self):
    return len(self.space) + 2

  @property
  def shape1(self):
    return self.shape(len(self.cov1))

  def shape(self, count):
    axes = list(self.space)
    for axis, size in sorted([(self.batch, count), (self.channel, self.channels)]):
      axes.insert(axis, size)
    return tuple(axes)

  @property
  def spatial_axes(self):
    """Which axes of the activation are the positions'."""
    return [axis for axis in range(self.rank) if axis not in (self.batch, self.channel)]

  def patterns(self, mask1, mask2):
    return {"nngp": (mask1, mask2), "ntk": (mask1, mask2), "cov1": (mask1, mask1), "cov2": (mask2, mask2)}

  def each(self, function, **changes):
    """The same function of every matrix."""
    return replace(self, **{key: function(getattr(self, key)) for key in ("nngp", "ntk", "cov1", "cov2")}, **changes)

  def map(self, first, second=None, **changes):
    """y = first x for samples of the first data set; matrices (p, p') or one per sample, (n, p, p')."""
    second = first if second is None else second
    sides = self.patterns(first, second)
    return replace(self, **{key: apply(getattr(self, key), *sides[key]) for key in sides}, **changes)

  def masked(self):
    """Zero wherever one of the two positions is masked."""
    if self.mask1 is None:
      return self
    visible1, visible2 = (1.0 - m for m in (self.mask1, self.mask2))
    sides = self.patterns(visible1, visible2)
    weigh = lambda m, a, b: m * a[:, None, :, None] * b[None, :, None, :]
    return replace(self, **{key: weigh(getattr(self, key), *sides[key]) for key in sides})

  def remap_masks(self, function):
    masks = [None if m is None else function(m) for m in (self.mask1, self.mask2)]
    return replace(self, mask1=masks[0], mask2=masks[1])


def apply(matrix, first, second):
  left = "pi,nmij->nmpj" if first.ndim == 2 else "npi,nmij->nmpj"
  right = "qj,nmpj->nmpq" if second.ndim == 2 else "mqj,nmpj->nmpq"
  return np.einsum(right, second, np.einsum(left, first, matrix))


def input_kernels(x1, x2, masked1, masked2, batch, channel):
  """masked1, masked2: arrays of bool of the inputs' shapes, or None."""
  batch, channel = batch % x1.ndim, channel % x1.ndim
  space = tuple(size for axis, size in enumerate(x1.shape) if axis not in (batch, channel))
  rows = lambda x: np.moveaxis(x, (batch, channel), (0, -1)).reshape(x.shape[batch], -1, x.shape[channel])
  clean = lambda x, masked: rows(x if masked is None else np.where(masked, 0, x))
  first = clean(x1, masked1)
  second = first if x2 is None else clean(x2, masked2)
  dot = lambda a, b: np.einsum("npc,mqc->nmpq", a, b) / a.shape[-1]
  mask1 = None if masked1 is None else rows(masked1).all(-1)
  mask2 = mask1 if x2 is None else None if masked2 is None else rows(masked2).all(-1)
  nngp = dot(first, second)
  return Kernels(
    nngp,
    np.zeros_like(nngp),
    dot(first, first),
    dot(second, second),
    space,
    first.shape[-1],
    batch,
    channel,
    mask1,
    mask2,
    x2 is None,
  )


def affine(a, k, patch, fan_in, **changes):
  """Weights and biases after `patch`, the mean over a window (or nothing, for a dense layer)."""
  weight, bias = a.get("weightStd", 1.0) ** 2, (a.get("biasStd") or 0) ** 2
  averaged = k.each(patch)
  result = averaged.each(lambda m: weight * m + bias)
  if a.get("parameterization", "ntk") == "ntk":
    ntk = result.nngp + weight * averaged.ntk
  else:
    one = 0 if a.get("biasStd") is None else 1
    ntk = fan_in / a.get("widthScales", (1, 1))[0] * averaged.nngp + weight * averaged.ntk + one
  return replace(result, ntk=ntk, **changes)


def output_channels(a, width):
  return width * (a.get("widthScales", (1, 1))[1] if a.get("parameterization") == "standard" else 1)


def dense(a, k):
  return affine(a, k, lambda m: m, k.channels, channels=output_channels(a, a["width"]))


def convolution(name, a, k):
  window, letters = a["window"], "ABDEFGHJ"[: len(a["window"])]
  default = (f"N{letters}C", f"{letters}IO", f"N{letters}C")
  before, weights, after = a.get("dimensionNumbers", default)
  assert (before.index("N"), before.index("C")) == (k.batch, k.channel)
  order = [letter for letter in before if letter not in "NC"]
  in_window_order = [letter for letter in weights if letter not in "IO"]
  choose = lambda key: dict(zip(in_window_order, a.get(key, [1] * len(window)), strict=True))
  sizes, strides, dilation = choose("window"), choose("strides"), choose("dilation")
  rule = maps.transposed_axis if name == "convTranspose" else maps.window_axis
  axes = [
    rule(size, sizes[c], strides[c], a.get("padding", "valid"), *([dilation[c]] if name == "conv" else []))
    for c, size in zip(order, k.space)
  ]
  space = [axis[0].shape[0] for axis in axes]
  # The permutation of positions that `after` asks for.
  out_order = [letter for letter in after if letter not in "NC"]
  move = maps.permutation(space, [order.index(letter) for letter in out_order])
  gathers = [move @ maps.joint(choice) for choice in itertools.product(*axes)]
  count = math.prod(window)
  patch = lambda m: sum(apply(m, g, g) for g in gathers) / count
  changes = {
    "space": tuple(space[order.index(letter)] for letter in out_order),
    "channels": output_channels(a, a["channels"]),
    "batch": after.index("N"),
    "channel": after.index("C"),
  }
  if name == "convTranspose":
    contributes = (sum(gathers) > 0).astype(float)
    masks = lambda m: m @ contributes.T > 0
  else:
    centre = move @ maps.joint([axis[(len(axis) - 1) // 2] for axis in axes])
    masks = lambda m: m @ centre.T > 0
  result = affine(a, k.remap_masks(masks), patch, k.channels * count, **changes)
  if name == "convLocal":
    same = np.eye(math.prod(space))
    result = result.each(lambda m: m * same)
  return result


def pool(name, a, k):
  padding = a.get("padding", "valid")
  strides = a.get("strides", [1] * len(a["window"]))
  axes = [maps.window_axis(n, f, s, padding) for n, f, s in zip(k.space, a["window"], strides, strict=True)]
  total = maps.joint([sum(axis) for axis in axes])
  if name == "averagePool":
    edges = a.get("normalizeEdges", False) and padding == "same"
    total = total / (total.sum(1, keepdims=True) if edges else math.prod(a["window"]))
  centre = maps.joint([axis[(len(axis) - 1) // 2] for axis in axes])
  space = tuple(len(axis[0]) for axis in axes)
  return k.remap_masks(lambda m: m @ centre.T > 0).map(total, space=space)


def vector_axes(k):
  return {"space": (), "batch": 0 if k.batch < k.channel else 1, "channel": 1 if k.batch < k.channel else 0}


def global_pool(name, a, k):
  size = math.prod(k.space)

  def weights(mask):
    visible = np.ones((1, size)) if mask is None else 1.0 - mask[:, None, :]
    return visible / np.maximum(visible.sum(-1, keepdims=True), 1) if name == "globalAveragePool" else visible

  result = k.map(weights(k.mask1), weights(k.mask2), **vector_axes(k))
  return result.remap_masks(lambda m: m.all(-1, keepdims=True))


def flatten(a, k):
  assert a.get("batchAxis", 0) % k.rank == k.batch
  out = {0: 0, -2: 0, 1: 1, -1: 1}[a.get("batchAxisOut", 0)]
  size = math.prod(k.space)
  trace = lambda m: np.einsum("nmpp->nm", m)[:, :, None, None] / size
  result = k.each(trace, space=(), channels=k.channels * size, batch=out, channel=1 - out)
  return result.remap_masks(lambda m: m.all(-1, keepdims=True))


def layer_norm(a, k):
  axes = {axis % k.rank for axis in a.get("axes", [-1])}
  assert k.channel in axes
  over = tuple(1 + k.spatial_axes.index(axis) for axis in sorted(axes - {k.channel, k.batch}))
  over = (0, *over) if k.batch in axes else over

  def variances(cov, mask):
    v = np.einsum("nnpp->np", cov) + a.get("epsilon", 1e-12)
    visible = np.ones_like(v) if mask is None else 1.0 - mask
    block = (len(v), *k.space)
    v, visible = (v * visible).reshape(block), visible.reshape(block)
    count = np.maximum(visible.sum(over, keepdims=True), 1)
    mean = v.sum(over, keepdims=True) / count
    return np.broadcast_to(np.where(mean > 0, mean, 1), block).reshape(len(v), -1)

  v1, v2 = variances(k.cov1, k.mask1), variances(k.cov2, k.mask2)
  divide = lambda m, a, b: m / np.sqrt(a[:, None, :, None] * b[None, :, None, :])
  sides = k.patterns(v1, v2)
  return replace(k, **{key: divide(getattr(k, key), *sides[key]) for key in sides})


def dropout(a, k):
  if a.get("mode", "train") == "test":
    return k

  def scale(m):
    same = np.eye(m.shape[0])[:, :, None, None] * np.eye(m.shape[2])
    return np.where(same > 0, m / a["keepRate"], m)

  changes = {"cov1": scale(k.cov1), "cov2": scale(k.cov2)}
  if k.symmetric:
    changes |= {"nngp": scale(k.nngp), "ntk": scale(k.ntk)}
  return replace(k, **changes)


def visible_through(weights):
  """Masks after a linear map: masked where nothing visible arrives."""
  reached = (weights != 0).astype(float)
  subscripts = "npi,ni->np" if weights.ndim == 3 else "pi,ni->np"
  return lambda m: np.einsum(subscripts, reached, 1.0 - m) == 0


def across_batch(k, weights):
  """y = weights x over samples."""
  return k.each(lambda m: np.einsum("an,bm,nmpq->abpq", weights, weights, m)).remap_masks(
    lambda m: (weights != 0).astype(float) @ (1.0 - m) == 0
  )


def image_resize(a, k):
  shape = a["shape"]
  assert len(shape) == k.rank and shape[k.channel] == -1
  resize = lambda n, new: np.eye(n) if new == -1 else maps.resize_axis(n, new, a["method"], a.get("antialias", True))
  axes = [resize(n, shape[axis]) for axis, n in zip(k.spatial_axes, k.space)]
  weights = maps.joint(axes)
  result = k.remap_masks(visible_through(weights)).map(weights, space=tuple(len(axis) for axis in axes))
  return result if shape[k.batch] == -1 else across_batch(result, resize(len(k.cov1), shape[k.batch]))


def index(a, k):
  ranges = list(maps.index_expression(a["ranges"]))
  ranges += [slice(None)] * (k.rank - len(ranges))
  chosen = [np.eye(n)[ranges[axis]] for axis, n in zip(k.spatial_axes, k.space)]
  space = tuple(len(choice) for choice in chosen if choice.ndim == 2)
  weights = maps.joint([np.atleast_2d(choice) for choice in chosen])
  dropped = [axis for axis, r in enumerate(ranges) if isinstance(r, int)]
  shift = lambda axis: axis - sum(d < axis for d in dropped)
  result = k.remap_masks(visible_through(weights)).map(
    weights, space=space, batch=shift(k.batch), channel=shift(k.channel)
  )
  some = ranges[k.batch]
  return result.each(lambda m: m[some][:, some]).remap_masks(lambda m: m[some])


def dot_general(a, k):
  """The map over positions is what the product does to one-hot activations."""
  constant = np.asarray(a["lhs" if "lhs" in a else "rhs"], dtype=float)
  sides = [tuple(tuple(axes) for axes in a.get(key, ((), ()))) for key in ("contracting", "batch")]
  (lhs_contract, rhs_contract), (lhs_batch, rhs_batch) = sides
  if "lhs" in a:
    mine = (rhs_contract, rhs_batch)
    theirs = (lhs_contract, lhs_batch)
  else:
    mine, theirs = (lhs_contract, lhs_batch), (rhs_contract, rhs_batch)
  x_labels = [chr(ord("a") + axis) for axis in range(k.rank)]
  c_labels = [chr(ord("A") + axis) for axis in range(constant.ndim)]
  for x_axes, c_axes in zip(mine, theirs):
    for x_axis, c_axis in zip(x_axes, c_axes, strict=True):
      c_labels[c_axis] = x_labels[x_axis]
  paired = [x_labels[axis] for axis in mine[1]]
  used = {x_labels[axis] for axis in (*mine[0], *mine[1])}
  free_x = [label for label in x_labels if label not in used]
  free_c = [label for label in c_labels if label not in used]
  out = paired + (free_c + free_x if "lhs" in a else free_x + free_c)
  batch, channel = out.index(x_labels[k.batch]), out.index(x_labels[k.channel])
  size = math.prod(k.space)

  def weights(count):
    one_hot = np.eye(size).reshape(size, *k.space)
    shape = [size, *[1 if axis in (k.batch, k.channel) else n for axis, n in enumerate(k.shape(count))]]
    x = np.repeat(one_hot.reshape(shape), count, axis=1 + k.batch)
    y = np.einsum(f"Z{''.join(x_labels)},{''.join(c_labels)}->Z{''.join(out)}", x, constant)
    y = np.moveaxis(y, (1 + batch, 1 + channel), (0, -1))[..., 0]  # (n, Z, positions)
    return y.reshape(count, size, -1).transpose(0, 2, 1), y.shape[2:]

  (first, space), (second, _) = weights(len(k.cov1)), weights(len(k.cov2))
  result = replace(
    k,
    mask1=None if k.mask1 is None else visible_through(first)(k.mask1),
    mask2=None if k.mask2 is None else visible_through(second)(k.mask2),
  )
  return result.map(first, second, space=tuple(space), batch=batch, channel=channel)


def aggregate(a, k, patterns):
  if patterns is None:
    return k
  axes = sorted({axis % k.rank for axis in a.get("axes", k.spatial_axes)})
  axes = [k.spatial_axes.index(axis) for axis in axes]
  sparse = a.get("implementation", "dense") == "sparse"
  weights = [maps.aggregation(np.asarray(pattern), k.space, axes, sparse) for pattern in patterns]
  return k.map(*weights)


def attention(a, k):
  size = math.prod(k.space)
  distances = maps.distances(k.space, a.get("positionalNorm", 2))
  decay = a.get("positionalDecay")
  r = np.eye(size) if decay is None else 1 / (1 + distances) if decay == "linear" else np.exp(-distances)
  kind, std = a.get("positionalEmbedding", "none"), a.get("weightPositionalStd", 1.0)
  own, added = 1.0, 0.0
  if kind == "sum":
    added = std**2
  elif kind == "concat":
    extra = a.get("positionalChannels") or k.channels
    own, added = k.channels / (k.channels + extra), std**2 * extra / (k.channels + extra)
  embedded = k.each(lambda m: own * m + added * r).masked()
  values = embedded if a.get("valuePositionalEmbedding", False) else k
  bias = (a.get("biasStd") or 0) ** 2
  qk = a.get("weightKeyStd", 1.0) * a.get("weightQueryStd", 1.0)
  vo = (a.get("weightValueStd", 1.0) * a.get("weightOutStd", 1.0)) ** 2
  mechanism = a.get("attentionMechanism", "softmax")
  if a.get("linearScaling", True):
    allowed = np.tril(np.ones((size, size))) if a.get("causal", False) else np.ones((size, size))

    def weights(cov, mask):
      g = qk * np.einsum("nnpq->npq", cov)
      keys = np.broadcast_to(allowed, g.shape) * (1.0 if mask is None else 1.0 - mask[:, None, :])
      if mechanism == "softmax":
        g = np.where(keys > 0, g, -1e20)
        e = np.exp(g - g.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True)
      return {"identity": lambda v: v, "abs": np.abs, "relu": lambda v: np.maximum(v, 0)}[mechanism](g) * keys

    mixed = values.map(weights(embedded.cov1, k.mask1), weights(embedded.cov2, k.mask2))
    result = mixed.each(lambda m: vo * m + bias)
    result = replace(result, ntk=vo * mixed.ntk + bias + 2 * (result.nngp - bias))
  else:
    assert mechanism == "identity" and not a.get("causal", False)
    inner = lambda x, y: np.einsum("nmpq,nmpq->nm", x, y)[:, :, None, None]
    scale = qk**2 * vo
    step = lambda key: inner(getattr(embedded, key), getattr(values, key)) * getattr(embedded, key) * scale + bias
    result = replace(k, nngp=step("nngp"), cov1=step("cov1"), cov2=step("cov2"))
    t = inner(embedded.nngp, values.ntk) + inner(values.nngp, embedded.ntk)
    tail = inner(embedded.nngp, values.nngp) * (embedded.ntk + 4 * embedded.nngp)
    result = replace(result, ntk=scale * (t * embedded.nngp + tail) + bias)
  return replace(result, channels=a["outputChannels"])


def activation(name, a, k):
  kappa, derivative = duals(name, a)
  v1, v2 = (np.einsum("nnpp->np", cov) for cov in (k.cov1, k.cov2))
  outer = lambda a, b: (a[:, None, :, None], b[None, :, None, :])
  return replace(
    k,
    nngp=kappa(k.nngp, *outer(v1, v2)),
    ntk=k.ntk * derivative(k.nngp, *outer(v1, v2)),
    cov1=kappa(k.cov1, *outer(v1, v1)),
    cov2=kappa(k.cov2, *outer(v2, v2)),
  )
