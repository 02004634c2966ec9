"""Writes Tests/NeuralTangentsTests/Fixtures/quadrature-duals.json: duals of activations without a closed form.

φ of this file, with the usual constants: tanh, sigmoid, softplus = log(1 + e^x), elu (x < 0: e^x − 1), selu (constants
below), silu = x·sigmoid(x), mish = x·tanh(softplus(x)), softsign = x/(1 + |x|), hardTanh = x clamped to [−1, 1]; the last entries have other constants. Rows
hold exact float64 inputs and float64 results of composite Gauss-Legendre quadrature with pieces that end at the kinks
of φ and, in the outer variable, around those of the inner integral; "kappaError" and "kappaDotError" are absolute and bound the quadrature and rounding error by comparing two rules.
Correlations of ±1 are one-dimensional integrals.
"""

import json
import os

import numpy as np

# The fixed point of mean 0 and variance 1: Klambauer et al. 2017, arXiv 1706.02515.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


def sigmoid(x):
  return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def softplus(x):
  return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def elu(x, alpha=1.0, scale=1.0):
  return scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def elu_slope(x, alpha=1.0, scale=1.0):
  return scale * np.where(x > 0, 1.0, alpha * np.exp(np.minimum(x, 0)))


def mish_slope(x):
  t = np.tanh(softplus(x))
  return t + x * (1 - t * t) * sigmoid(x)


FUNCTIONS = {  # φ, φ', points where φ or a low derivative is not smooth
  "tanh": (np.tanh, lambda x: 1 / np.cosh(np.minimum(np.abs(x), 300)) ** 2, [0]),
  "sigmoid": (sigmoid, lambda x: sigmoid(x) * sigmoid(-x), [0]),
  "softplus": (softplus, sigmoid, [0]),
  "elu": (elu, elu_slope, [0]),
  "selu": (lambda x: elu(x, SELU_ALPHA, SELU_SCALE), lambda x: elu_slope(x, SELU_ALPHA, SELU_SCALE), [0]),
  "silu": (lambda x: x * sigmoid(x), lambda x: sigmoid(x) * (1 + x * sigmoid(-x)), [0]),
  "mish": (lambda x: x * np.tanh(softplus(x)), mish_slope, [0]),
  "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2, [0]),
  "hardTanh": (lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) + 0.0, [-1, 0, 1]),
}
VARIANTS = [  # network-file arguments that are not the usual ones
  ({"elu": {"alpha": 0.4}}, (lambda x: elu(x, 0.4), lambda x: elu_slope(x, 0.4), [0])),
  ({"softplus": {"beta": 2.5}}, (lambda x: softplus(2.5 * x) / 2.5, lambda x: sigmoid(2.5 * x), [0])),
  (
    {"hardTanh": {"min": -0.5, "max": 2}},
    (lambda x: np.clip(x, -0.5, 2), lambda x: ((x > -0.5) & (x < 2)) + 0.0, [-0.5, 0, 2]),
  ),
]
REACH = 13.0  # the density is below 1e-36 there


def nodes_between(edges, pieces, order):
  """Gauss-Legendre nodes and weights on each interval of edges (last axis), cut into pieces that grow from its ends."""
  x, w = np.polynomial.legendre.leggauss(order)
  cuts = (1 - np.cos(np.pi * np.arange(pieces + 1) / pieces)) / 2
  unit = np.concatenate([a + (b - a) * (x + 1) / 2 for a, b in zip(cuts, cuts[1:])])
  weight = np.concatenate([(b - a) / 2 * w for a, b in zip(cuts, cuts[1:])])
  low, width = edges[..., :-1, None], np.diff(edges, axis=-1)[..., None]
  shape = edges.shape[:-1] + (-1,)
  return (low + width * unit).reshape(shape), (width * weight).reshape(shape)


def edges_at(points):
  """Interval ends: −REACH, the given points (clipped), REACH."""
  points = np.asarray(points, dtype=float)
  ends = np.full(points.shape[:-1] + (1,), REACH)
  return np.concatenate([-ends, np.sort(np.clip(points, -REACH, REACH), axis=-1), ends], axis=-1)


def density(z):
  return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)


def expectation(f, kinks, p, q, rho, pieces, order):
  kinks = np.array(kinks, dtype=float)
  edges = kinks / np.sqrt(p)
  if 0 < abs(rho) < 1:
    # The inner integral changes within some √(1 − ρ²)/ρ of where its mean passes a kink.
    centres, width = kinks / (rho * np.sqrt(q)), np.sqrt(1 - rho * rho) / abs(rho)
    edges = np.concatenate([edges] + [centres + step * width for step in (-8, -4, -2, 0, 2, 4, 8)])
  z, w = nodes_between(edges_at(edges), pieces, order)
  u = np.sqrt(p) * z
  if abs(rho) == 1:
    both = np.concatenate([kinks / np.sqrt(p), rho * kinks / np.sqrt(q)])
    z, w = nodes_between(edges_at(both), pieces, order)
    return float((w * density(z) * f(np.sqrt(p) * z) * f(rho * np.sqrt(q) * z)).sum())
  mean, spread = rho * np.sqrt(q) * z, np.sqrt(q * (1 - rho * rho))
  inner_z, inner_w = nodes_between(edges_at((kinks - mean[:, None]) / spread), pieces, order)
  inner = (inner_w * density(inner_z) * f(mean[:, None] + spread * inner_z)).sum(-1)
  return float((w * density(z) * f(u) * inner).sum())


def rows(f, slope, kinks):
  pairs = [
    (1.0, 1.0, (-1, -0.999, -0.99, -0.5, -1e-3, 0, 0.5, 0.9, 0.99, 0.999, 0.9999, 1)),
    (0.1, 0.1, (-1, -0.99, -0.5, 0, 0.5, 0.9, 0.99, 0.9999, 1)),
    (4.0, 4.0, (-1, -0.99, -0.5, 0, 0.5, 0.9, 0.99, 0.9999, 1)),
    (0.1, 4.0, (-1, -0.99, 0.5, 0.9999, 1)),
    (0.3, 1.7, (-0.9, 0.5, 0.99)),
    (1e-6, 1e-6, (0.5, 1)),
    (1e-3, 2.0, (0.5,)),
    (1.7, 1.7, (1,)),
    (30.0, 30.0, (-0.5, 0.9, 0.999, 1)),
    (30.0, 0.3, (0.9,)),
    (400.0, 400.0, (0.5, 1)),
  ]
  for p, q, correlations in pairs:
    for rho in correlations:
      q12 = float(rho * np.sqrt(p * q))
      used = rho if abs(rho) == 1 else q12 / np.sqrt(p * q)
      results = []
      for function in (f, slope):
        coarse, fine = (expectation(function, kinks, p, q, used, *rule) for rule in ((8, 24), (12, 30)))
        size = max(abs(expectation(function, kinks, v, v, 1, 12, 30)) for v in (p, q))
        results.append((fine, 2 * abs(fine - coarse) + 4e-15 * size))
      diagonal = expectation(f, kinks, p, p, 1, 12, 30)
      yield {
        "q11": p,
        "q22": q,
        "q12": q12,
        "kappa": results[0][0],
        "kappaDot": results[1][0],
        "diagonal1": diagonal,
        "kappaError": results[0][1],
        "kappaDotError": results[1][1],
      }


if __name__ == "__main__":
  # The rule itself, against a closed form: the dual of relu at correlation 0.6.
  exact = ((1 - 0.36) ** 0.5 + (np.pi - np.arccos(0.6)) * 0.6) / (2 * np.pi)
  assert abs(expectation(lambda x: np.maximum(x, 0), [0], 1.0, 1.0, 0.6, 12, 30) - exact) < 1e-15
  points = np.array([-3.1, -1.3, -0.4, 0.2, 0.7, 1.9, 4.0])
  for f, slope, _ in [*FUNCTIONS.values(), *(definition for _, definition in VARIANTS)]:
    assert np.abs((f(points + 1e-6) - f(points - 1e-6)) / 2e-6 - slope(points)).max() < 1e-9
  entries = []
  for node, definition in [({name: {}}, definition) for name, definition in FUNCTIONS.items()] + VARIANTS:
    entry = {"activation": node, "rows": list(rows(*definition))}
    worst = {key: max(row[key] for row in entry["rows"]) for key in ("kappaError", "kappaDotError")}
    print(node, worst)
    entries.append(entry)
  path = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "NeuralTangentsTests/Fixtures/quadrature-duals.json"
  )
  with open(path, "w") as file:
    source = f"Tests/Fixtures/make_quadrature_duals.py with numpy {np.__version__}"
    file.write('{\n"source": ' + json.dumps(source) + ',\n"activations": [\n')
    file.write(
      ",\n".join(
        '{"activation": '
        + json.dumps(entry["activation"])
        + ', "rows": [\n'
        + ",\n".join(json.dumps(row, allow_nan=False, separators=(",", ":")) for row in entry["rows"])
        + "]}"
        for entry in entries
      )
    )
    file.write("\n]\n}\n")
  print(os.path.getsize(path), "bytes")
