"""Kernels of fully connected networks in arbitrary precision, written from the layer rules alone.

Independent of the peer, whose float64 loses digits where correlations approach one. Supports the layers of
make_networks.py except "numerical", whose quadrature is part of its definition.
"""

from dataclasses import dataclass, replace

from exact_duals import duals
from mpmath import mp, mpf

mp.dps = 60


@dataclass(frozen=True)
class Kernels:
  nngp: list
  ntk: list
  var1: list
  var2: list  # equal to var1 for symmetric kernels
  width: int


def input_kernels(x1, x2):
  """x1, x2: rows of float64 channels; x2 None asks for the symmetric kernel."""
  rows1 = [[mpf(float(v)) for v in row] for row in x1]
  rows2 = rows1 if x2 is None else [[mpf(float(v)) for v in row] for row in x2]
  channels = len(rows1[0])
  dot = lambda a, b: sum((u * v for u, v in zip(a, b)), mpf(0)) / channels
  nngp = [[dot(a, b) for b in rows2] for a in rows1]
  return Kernels(
    nngp, [[mpf(0)] * len(rows2) for _ in rows1], [dot(a, a) for a in rows1], [dot(b, b) for b in rows2], channels
  )


def entrywise(function, *matrices):
  return [[function(*entries) for entries in zip(*rows)] for rows in zip(*matrices)]


def dense(a, k):
  weight, bias = mpf(a.get("weightStd", 1.0)) ** 2, mpf(a.get("biasStd") or 0) ** 2
  affine = lambda v: weight * v + bias
  nngp = entrywise(affine, k.nngp)
  if a.get("parameterization", "ntk") == "ntk":
    ntk = entrywise(lambda new, old: new + weight * old, nngp, k.ntk)
  else:
    fan_in, one = mpf(k.width) / a.get("widthScales", (1, 1))[0], 0 if a.get("biasStd") is None else 1
    ntk = entrywise(lambda previous, old: fan_in * previous + weight * old + one, k.nngp, k.ntk)
  # The width of a layer in the standard parameterization already holds its output scale.
  width = a["width"] * (a.get("widthScales", (1, 1))[1] if a.get("parameterization") == "standard" else 1)
  return Kernels(nngp, ntk, [affine(v) for v in k.var1], [affine(v) for v in k.var2], width)


def activation(name, a, k):
  kappa, dot = duals(name, a)
  pairs = [[(p, q, c) for q, c in zip(k.var2, row)] for p, row in zip(k.var1, k.nngp)]
  return Kernels(
    entrywise(lambda t: kappa(*t), pairs),
    entrywise(lambda t, old: dot(*t) * old, pairs, k.ntk),
    [kappa(p, p, p) for p in k.var1],
    [kappa(q, q, q) for q in k.var2],
    k.width,
  )


def layer_norm(a, k):
  epsilon = mpf(a.get("epsilon", 1e-12))
  var1, var2 = [v + epsilon for v in k.var1], [v + epsilon for v in k.var2]
  if 0 in a.get("axes", [-1]):
    var1, var2 = ([sum(v) / len(v)] * len(v) for v in (var1, var2))
  scale = [[mp.sqrt(p * q) for q in var2] for p in var1]
  divide = lambda v, s: v / s
  return Kernels(
    entrywise(divide, k.nngp, scale),
    entrywise(divide, k.ntk, scale),
    [v / s for v, s in zip(k.var1, var1)],
    [v / s for v, s in zip(k.var2, var2)],
    k.width,
  )


def dropout(a, k, symmetric):
  if a.get("mode", "train") == "test":
    return k
  rate = mpf(a["keepRate"])
  scaled = lambda matrix: [
    [v / rate if symmetric and i == j else v for j, v in enumerate(row)] for i, row in enumerate(matrix)
  ]
  return Kernels(scaled(k.nngp), scaled(k.ntk), [v / rate for v in k.var1], [v / rate for v in k.var2], k.width)


def combine(function, branches, **changes):
  return replace(
    branches[0],
    nngp=entrywise(lambda *v: function(v), *[b.nngp for b in branches]),
    var1=[function(v) for v in zip(*[b.var1 for b in branches])],
    var2=[function(v) for v in zip(*[b.var2 for b in branches])],
    **changes,
  )


def fan_in_product(branches):
  def product(values):
    total = mpf(1)
    for value in values:
      total *= value
    return total

  def rule(*entries):
    nngp, ntk = entries[: len(branches)], entries[len(branches) :]
    return sum(ntk[i] * product(nngp[:i] + nngp[i + 1 :]) for i in range(len(branches)))

  return combine(product, branches, ntk=entrywise(rule, *[b.nngp for b in branches], *[b.ntk for b in branches]))


def fan_in_concat(a, branches):
  if a.get("axis", -1) == 0:
    sizes2 = [len(b.var2) for b in branches]

    def blocks(matrices):
      return [
        [mpf(0)] * sum(sizes2[:i]) + list(row) + [mpf(0)] * sum(sizes2[i + 1 :])
        for i, matrix in enumerate(matrices)
        for row in matrix
      ]

    return Kernels(
      blocks([b.nngp for b in branches]),
      blocks([b.ntk for b in branches]),
      [v for b in branches for v in b.var1],
      [v for b in branches for v in b.var2],
      branches[0].width,
    )
  total = sum(b.width for b in branches)
  mean = lambda values: sum(b.width * v for b, v in zip(branches, values)) / total
  ntk = entrywise(lambda *v: mean(v), *[b.ntk for b in branches])
  return combine(mean, branches, ntk=ntk, width=total)


def evaluate(node, k, symmetric):
  ((name, a),) = node.items()
  if name == "serial":
    for child in a:
      k = evaluate(child, k, symmetric)
    return k
  if name == "parallel":
    return [evaluate(child, branch, symmetric) for child, branch in zip(a, k, strict=True)]
  if name == "repeat":
    for _ in range(a["count"]):
      k = evaluate(a["layer"], k, symmetric)
    return k
  if name == "fanOut":
    return [k] * a["count"]
  if name == "fanInSum":
    add = lambda values: sum(values, mpf(0))
    return combine(add, k, ntk=entrywise(lambda *v: add(v), *[b.ntk for b in k]))
  if name == "fanInProduct":
    return fan_in_product(k)
  if name == "fanInConcat":
    return fan_in_concat(a, k)
  if name in ("identity", "flatten"):
    return k
  if name == "dense":
    return dense(a, k)
  if name == "layerNorm":
    return layer_norm(a, k)
  if name == "dropout":
    return dropout(a, k, symmetric)
  return activation(name, a, k)
