"""Writes Tests/NeuralTangentsTests/Fixtures/duals.json: activation duals to 20 digits, from float64 (q11, q22, q12).

Numbers that are inputs are exact float64 values ("float32": true when all three are also exact in float32). Results
are decimal strings, correctly rounded to 20 digits; values below the smallest float64 are "0", rows that overflow are
left out, null means infinite or a matter of convention (a step at 0 of a constant input). "diagonal1" and
"diagonal2" are κ at (q11, q11, q11) and (q22, q22, q22). "kappaSpread" and "kappaDotSpread" are the sums, over the
three inputs, of the change in the result when one input changes by half a unit in its last place (2^-53 relative):
what no float64 method can beat unless it avoids rounding altogether.
"""

import json
import os

import mpmath
import numpy as np
from exact_duals import duals, functions, quadrature
from mpmath import mp, mpf

ACTIVATIONS = [
  ("relu", {}),
  ("abs", {}),
  ("leakyRelu", {"alpha": 0.1}),
  ("leakyRelu", {"alpha": -0.4}),
  ("abRelu", {"a": -0.3, "b": 0.8}),
  ("abRelu", {"a": 0.6, "b": 0.6}),
  ("erf", {}),
  ("erf", {"a": 0.7, "b": 1.3, "c": 0.2}),
  ("sigmoidLike", {}),
  ("gelu", {}),
  ("sin", {}),
  ("sin", {"a": 0.7, "b": 1.3, "c": 0.3}),
  ("cos", {}),
  ("cos", {"a": 1.4, "b": 0.6, "c": -0.5}),
  ("rbf", {}),
  ("rbf", {"gamma": 0.4}),
  ("gaussian", {}),
  ("gaussian", {"a": 0.7, "b": -0.6}),
  ("gaussian", {"a": 0.5, "b": 0.05}),
  ("exp", {}),
  ("exp", {"a": 0.7, "b": 0.5}),
  ("expNormalized", {}),
  ("expNormalized", {"gamma": 0.6, "shift": 0.2}),
  ("gabor", {}),
  ("sign", {}),
  *[("hermite", {"degree": n}) for n in range(7)],
  *[("monomial", {"degree": n}) for n in range(8)],
  *[("rectifiedMonomial", {"degree": n}) for n in range(7)],
  ("polynomial", {"coefficients": [1.3, 0, -1.2, -0.5]}),
  ("polynomial", {"coefficients": [0.1, -0.2, 0.3, -0.1, 0.05, 0.02, -0.01]}),
  ("polynomial", {"coefficients": [0.5]}),
]


def single(x):
  return float(np.float32(x))


def triples():
  pairs = [
    (
      1,
      1,
      (
        -1,
        -1 + 1e-9,
        -0.999,
        -0.5,
        -1e-3,
        0,
        1e-3,
        0.5,
        0.9,
        0.999,
        1 - 2.0**-20,
        1 - 2.0**-23,
        1 - 1e-9,
        1 - 2.0**-50,
        1,
      ),
    ),
    (0.3, 1.7, (-0.999, -0.5, 0, 0.5, 0.9, 0.9999)),
    (0.3, 1.2, (1,)),
    (1.7, 0.3, (0.9,)),
    (1e-12, 1e-12, (0.5, 1)),
    (1e-6, 1, (0.5, -1e-3)),
    (1e-6, 1e-6, (-1, 0.999)),
    (1.7, 1.7, (1,)),
    (30, 30, (0.999, -0.5, 1)),
    (30, 1.7, (0.9,)),
    (1e4, 1e4, (0.5, 1, -0.999)),
    (1e4, 0.3, (0.9,)),
    (1e12, 1e12, (0.5, 1 - 1e-9, 1)),
    (1e12, 1e-12, (0.5,)),
    (0, 0, (0,)),
    (0, 1, (0,)),
    (1.7, 0, (0,)),
  ]
  for q11, q22, correlations in pairs:
    q11, q22 = single(q11), single(q22)
    if (q11, q22) == (single(0.3), single(1.2)):
      q22 = 4 * q11  # so that √(q11 q22) is exact
    for rho in correlations:
      exact = mpf(rho) * mp.sqrt(mpf(q11) * mpf(q22))
      q12 = float(exact)
      if abs(rho) <= 0.999:
        q12 = single(q12)
      yield q11, q22, q12


def decimal(value):
  if value is None:
    return None
  if abs(value) < mpf(2) ** -1075:
    return "0"
  return mpmath.nstr(value, 20, min_fixed=0, max_fixed=0, strip_zeros=True)


def spread(function, inputs):
  base = function(*inputs)
  if base is None:
    return None
  total = mpf(0)
  for index in range(3):
    changes = []
    for direction in (1, -1):
      moved = list(inputs)
      moved[index] *= 1 + direction * mpf(2) ** -53
      value = function(*moved)
      changes.append(abs(value - base) if value is not None else mpf(0))
    total += max(changes)
  return float(total)


def rows(name, arguments):
  kappa, dot = duals(name, arguments)
  for q11, q22, q12 in triples():
    inputs = [mpf(q11), mpf(q22), mpf(q12)]
    values = [kappa(*inputs), dot(*inputs), kappa(*[inputs[0]] * 3), kappa(*[inputs[1]] * 3)]
    if values[0] is None or values[1] is None or any(v is not None and abs(v) > mpf(10) ** 300 for v in values):
      if not (name == "rectifiedMonomial" and q11 * q22 == 0):
        continue
    yield {
      "q11": q11,
      "q22": q22,
      "q12": q12,
      "float32": all(single(q) == q for q in (q11, q22, q12)),
      "kappa": decimal(values[0]),
      "kappaDot": decimal(values[1]),
      "diagonal1": decimal(values[2]),
      "diagonal2": decimal(values[3]),
      "kappaSpread": spread(kappa, inputs),
      "kappaDotSpread": spread(dot, inputs),
    }


def check_by_quadrature(name, arguments):
  """The worst deviation of closed forms from quadrature, relative to the size of the diagonal."""
  pair = functions(name, arguments)
  if pair is None:
    return 0.0
  worst = 0.0
  for p, q, rho in (
    (1.0, 1.0, 0.5),
    (0.3, 1.7, -0.7),
    (0.9, 1.7, -0.6 / (0.9 * 1.7) ** 0.5),
    (1.2, 0.4, 0.95),
    (2.5, 2.5, -0.2),
  ):
    if name == "hermite" and (p, q) != (1.0, 1.0):
      continue
    c = rho * (p * q) ** 0.5
    for function, dual in zip(pair, duals(name, arguments)):
      exact = dual(mpf(p), mpf(q), mpf(c))
      if exact is None:
        continue
      scale = float(mp.sqrt(abs(dual(*[mpf(p)] * 3) * dual(*[mpf(q)] * 3)))) if dual(*[mpf(p)] * 3) is not None else 1.0
      worst = max(
        worst,
        abs(quadrature(function, p, q, c) - float(exact)) / max(scale, abs(float(exact)), 1e-300)
        if scale or exact
        else 0.0,
      )
  return worst


if __name__ == "__main__":
  entries = []
  for name, arguments in ACTIVATIONS:
    deviation = check_by_quadrature(name, arguments)
    print(f"{name} {arguments}: quadrature agrees to {deviation:.1e}")
    assert deviation < 1e-11, (name, arguments, deviation)
    entries.append({"activation": {name: arguments}, "rows": list(rows(name, arguments))})
  path = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "NeuralTangentsTests/Fixtures/duals.json"
  )
  with open(path, "w") as file:
    source = (
      f"Tests/Fixtures/make_duals.py, closed forms at {mp.dps} digits with mpmath {mpmath.__version__}, "
      "checked by quadrature"
    )
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
  print(
    len(entries), "activations", sum(len(entry["rows"]) for entry in entries), "rows", os.path.getsize(path), "bytes"
  )
