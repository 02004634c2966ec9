"""Branches and the composition of layers for exact_layers."""

import math
from dataclasses import replace

import exact_layers as rules
import numpy as np


def fan_in(name, a, branches):
  k = branches[0]
  if name == "fanInConcat":
    axis = a.get("axis", -1) % k.rank
    return concatenate(axis, k, branches)
  masks = [None if m[0] is None else np.logical_and.reduce(m) for m in zip(*[(b.mask1, b.mask2) for b in branches])]
  matrices = lambda key: [getattr(b, key) for b in branches]
  combine = sum if name == "fanInSum" else lambda values: math.prod(values)
  changes = {key: combine(matrices(key)) for key in ("nngp", "cov1", "cov2")}
  if name == "fanInSum":
    ntk = sum(matrices("ntk"))
  else:
    others = lambda i: math.prod([b.nngp for j, b in enumerate(branches) if j != i], start=1.0)
    ntk = sum(b.ntk * others(i) for i, b in enumerate(branches))
  return replace(k, **changes, ntk=ntk, mask1=masks[0], mask2=masks[1])


def concatenate(axis, k, branches):
  if axis == k.channel:
    total = sum(b.channels for b in branches)
    mean = lambda key: sum(b.channels * getattr(b, key) for b in branches) / total
    changes = {key: mean(key) for key in ("nngp", "ntk", "cov1", "cov2")}
    masks = [None if m[0] is None else np.logical_and.reduce(m) for m in zip(*[(b.mask1, b.mask2) for b in branches])]
    return replace(k, **changes, channels=total, mask1=masks[0], mask2=masks[1])

  def blocks(key):
    """Independent branches: zero between different ones."""
    matrices = [getattr(b, key).reshape(*getattr(b, key).shape[:2], *b.space, *b.space) for b in branches]
    dims = len(k.space)
    pair = (0, 1) if axis == k.batch else tuple(2 + k.spatial_axes.index(axis) + d for d in (0, dims))
    shape = [sum(m.shape[d] for m in matrices) if d in pair else n for d, n in enumerate(matrices[0].shape)]
    result, start = np.zeros(shape), [0, 0]
    for m in matrices:
      where = [slice(None)] * m.ndim
      for i, d in enumerate(pair):
        where[d] = slice(start[i], start[i] + m.shape[d])
        start[i] += m.shape[d]
      result[tuple(where)] = m
    return result.reshape(*shape[:2], math.prod(shape[2 : 2 + dims]), -1)

  masked_axis = 0 if axis == k.batch else 1 + k.spatial_axes.index(axis)

  def joined(key):
    if getattr(k, key) is None:
      return None
    masks = [getattr(b, key).reshape(-1, *b.space) for b in branches]
    mask = np.concatenate(masks, masked_axis)
    return mask.reshape(len(mask), -1)

  space = list(k.space)
  if axis != k.batch:
    place = k.spatial_axes.index(axis)
    space[place] = sum(b.space[place] for b in branches)
  matrices = {key: blocks(key) for key in ("nngp", "ntk", "cov1", "cov2")}
  return replace(k, **matrices, space=tuple(space), mask1=joined("mask1"), mask2=joined("mask2"))


def step(name, a, k, patterns):
  if name == "dense":
    return rules.dense(a, k)
  if name in ("conv", "convTranspose", "convLocal"):
    return rules.convolution(name, a, k)
  if name in ("averagePool", "sumPool"):
    return rules.pool(name, a, k)
  if name in ("globalAveragePool", "globalSumPool"):
    return rules.global_pool(name, a, k)
  if name in ("fanInSum", "fanInProduct", "fanInConcat"):
    return fan_in(name, a, k)
  if name == "aggregate":
    return rules.aggregate(a, k, patterns)
  by_name = {
    "flatten": rules.flatten,
    "layerNorm": rules.layer_norm,
    "dropout": rules.dropout,
    "imageResize": rules.image_resize,
    "index": rules.index,
    "dotGeneral": rules.dot_general,
    "globalSelfAttention": rules.attention,
    "identity": lambda a, k: k,
  }
  return by_name[name](a, k) if name in by_name else rules.activation(name, a, k)


def evaluate(node, k, patterns=None):
  """The kernels after a network-file node."""
  ((name, a),) = node.items()
  if name == "serial":
    for child in a:
      k = evaluate(child, k, patterns)
    return k
  if name == "parallel":
    return [evaluate(child, branch, patterns) for child, branch in zip(a, k, strict=True)]
  if name == "repeat":
    for _ in range(a["count"]):
      k = evaluate(a["layer"], k, patterns)
    return k
  if name == "fanOut":
    return [k] * a["count"]
  return step(name, a, k, patterns).masked()
