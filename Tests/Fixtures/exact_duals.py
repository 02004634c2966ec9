"""Activation duals in arbitrary precision (mpmath): closed forms, and float64 quadrature that does not know them.

For (u, v) ~ N(0, [[p, c], [c, q]]): kappa = E[φ(u) φ(v)] and kappaDot = E[φ'(u) φ'(v)]. Conventions where an
expectation is not defined by continuity: the derivative of a kink at 0 is the mean of both sides, sign(0) = 0, and the
dual of sign has derivative 0. None stands for "not finite" or "a matter of convention".
"""

import numpy as np
from mpmath import mp, mpf

mp.dps = 70


def m(x):
  return mpf(x)


def root_of_gap(p, q, c):
  """√(pq − c²), zero when rounding made |correlation| exceed one."""
  return mp.sqrt(max(p * q - c * c, mpf(0)))


def angle(p, q, c):
  sine = root_of_gap(p, q, c)
  return mp.pi / 2 if sine == 0 and c == 0 else mp.atan2(sine, c)


def ab_relu(a, b):
  a, b = m(a), m(b)
  f = (a - b) ** 2 / (2 * mp.pi)

  def dot(p, q, c):
    return (a * a + b * b) / 2 - f * angle(p, q, c)

  return (lambda p, q, c: f * root_of_gap(p, q, c) + dot(p, q, c) * c), dot


def erf(a=1, b=1, c=0):
  a, b, shift = m(a), m(b), m(c)

  def gap(p, q, c):
    p, q, c = b * b * p, b * b * q, b * b * c
    return mp.sqrt((1 + 2 * p) * (1 + 2 * q) - 4 * c * c)

  return (
    lambda p, q, c: a * a * 2 / mp.pi * mp.atan2(2 * b * b * c, gap(p, q, c)) + shift**2,
    lambda p, q, c: a * a * b * b * 4 / mp.pi / gap(p, q, c),
  )


def gelu(approximate=False):
  def parts(p, q, c):
    big = (1 + p) * (1 + q)
    delta = mp.sqrt(big - c * c)
    return big, delta, mp.atan2(c, delta)

  def kappa(p, q, c):
    big, delta, a = parts(p, q, c)
    return c / 4 + ((c * c + p * q * delta**2) / (big * delta) + c * a) / (2 * mp.pi)

  def dot(p, q, c):
    big, delta, a = parts(p, q, c)
    return mpf(1) / 4 + a / (2 * mp.pi) + c / (2 * mp.pi * delta) * (1 / delta**2 + (1 - p * q) / big + 1)

  return kappa, dot


def sin(a=1, b=1, c=0):
  a, b, phase = m(a), m(b), m(c)

  def terms(p, q, c):
    return mp.exp(b * b * (c - (p + q) / 2)), mp.cos(2 * phase) * mp.exp(-b * b * (c + (p + q) / 2))

  def kappa(p, q, c):
    plus, minus = terms(p, q, c)
    return a * a / 2 * (plus - minus)

  def dot(p, q, c):
    plus, minus = terms(p, q, c)
    return a * a * b * b / 2 * (plus + minus)

  return kappa, dot


def cos(a=1, b=1, c=0):
  return sin(a, b, m(c) + mp.pi / 2)


def rbf(gamma=1):
  gamma = m(gamma)
  kappa = lambda p, q, c: mp.exp(gamma * (2 * c - p - q))
  return kappa, lambda p, q, c: 2 * gamma * kappa(p, q, c)


def gaussian(a=1, b=-1):
  a, b = m(a), m(b)

  def delta(p, q, c):
    square = (1 - 2 * b * p) * (1 - 2 * b * q) - 4 * b * b * c * c
    return mp.sqrt(square) if square > 0 and 2 * b * p < 1 and 2 * b * q < 1 else None

  def kappa(p, q, c):
    d = delta(p, q, c)
    return None if d is None else a * a / d

  def dot(p, q, c):
    d = delta(p, q, c)
    return None if d is None else 4 * a * a * b * b * c / d**3

  return kappa, dot


def exp(a=1, b=1):
  a, b = m(a), m(b)
  kappa = lambda p, q, c: a * a * mp.exp(b * b * ((p + q) / 2 + c))
  return kappa, lambda p, q, c: b * b * kappa(p, q, c)


def exp_normalized(gamma=1, shift=-1, clip=False):
  gamma, shift = m(gamma), m(shift)

  def parts(p, q, c):
    s = mp.sqrt(p * q)
    return s, c / s if s > 0 else mpf(0)

  def kappa(p, q, c):
    s, r = parts(p, q, c)
    return s * mp.exp(gamma * (r + shift))

  def dot(p, q, c):
    return gamma * mp.exp(gamma * (parts(p, q, c)[1] + shift))

  return kappa, dot


def gabor():
  # sin x · e^(−x²): a pair of Gaussians with complex linear terms, E = det(I + 2Σ).
  def parts(p, q, c):
    e = (1 + 2 * p) * (1 + 2 * q) - 4 * c * c
    return e, p + q + 4 * (p * q - c * c)

  def kappa(p, q, c):
    e, n = parts(p, q, c)
    return (mp.exp((-n + 2 * c) / (2 * e)) - mp.exp((-n - 2 * c) / (2 * e))) / (2 * mp.sqrt(e))

  def dot(p, q, c):
    # The derivative of kappa with respect to c: e' = −8c, n' = −8c.
    e, n = parts(p, q, c)
    total = mpf(0)
    for sign in (1, -1):
      exponent = (-n + 2 * sign * c) / (2 * e)
      slope = (8 * c + 2 * sign) / (2 * e) + 8 * c * (-n + 2 * sign * c) / (2 * e * e)
      total += sign * mp.exp(exponent) * (slope + 4 * c / e)
    return total / (2 * mp.sqrt(e))

  return kappa, dot


def sign():
  return (lambda p, q, c: 1 - 2 * angle(p, q, c) / mp.pi), (lambda p, q, c: mpf(0))


def hermite(degree):
  n = degree
  return (lambda p, q, c: c**n), (lambda p, q, c: n * c ** (n - 1) if n else mpf(0))


def polynomial(coefficients):
  coefficients = [m(v) for v in coefficients]

  def series(coefficients):
    degree = len(coefficients) - 1

    def s(order, q):
      total = mpf(0)
      for i in range((degree - order) // 2 + 1):
        k = 2 * i + order
        total += coefficients[k] * mp.factorial(k) / (2**i * mp.factorial(i) * mp.sqrt(mp.factorial(order))) * q**i
      return total

    return lambda p, q, c: sum((s(l, p) * s(l, q) * c**l for l in range(degree + 1)), mpf(0))

  derivative = [k * v for k, v in enumerate(coefficients)][1:]
  return series(coefficients), series(derivative)


def monomial(degree):
  return polynomial([0] * degree + [1])


def arc_polynomials(n):
  """J_n(θ) = (π − θ) M(c) + sin θ · P(c), c = cos θ; coefficients of M and P, low to high.

  From J_n' = −n² J_(n−1) sin θ (the derivative dual) and J_n(π) = 0: recursively by
  (1 − c²) P_n' − c P_n = n² (1 − c²) P_(n−1) − M_n, with M_n the dual of the monomial at unit variances.
  """
  moment = [mpf(0)] * (n + 1)
  for j in range(n, -1, -2):
    half = (n - j) // 2
    moment[j] = mp.factorial(n) ** 2 / (mp.factorial(j) * mp.factorial(half) ** 2 * mpf(2) ** (n - j))
  if n == 0:
    return moment, []
  _, previous = arc_polynomials(n - 1)
  previous = previous + [mpf(0)] * (n + 2 - len(previous))
  right = [mpf(0)] * (n + 3)
  for k, value in enumerate(previous):
    if value:
      right[k] += n * n * value
      right[k + 2] -= n * n * value
  for k, value in enumerate(moment):
    right[k] -= value
  # Coefficient of c^k: (k + 1) P[k+1] − (k − 1) P[k−1] − P[k−1] = right[k].
  result = [mpf(0)] * n
  for k in range(n - 1, -1, -1):
    above = result[k + 2] if k + 2 < n else mpf(0)
    result[k] = ((k + 2) * above - right[k + 1]) / (k + 1)
  return moment, result


def rectified_monomial(degree):
  def dual(n):
    moment, tail = arc_polynomials(n)

    def kappa(p, q, c):
      if p == 0 or q == 0:
        return None if n == 0 else mpf(0)
      scale = mp.sqrt(p * q)
      cosine = max(min(c / scale, mpf(1)), mpf(-1))
      theta = angle(p, q, c)
      sine = root_of_gap(p, q, c) / scale
      j = (mp.pi - theta) * mp.polyval(moment[::-1], cosine) + sine * (mp.polyval(tail[::-1], cosine) if tail else 0)
      return scale**n * j / (2 * mp.pi)

    return kappa

  n = degree
  if n == 0:
    return dual(0), lambda p, q, c: mpf(0)
  below = dual(n - 1)
  half_turn = lambda p, q, c: mpf(1) / 4 if n == 1 and (p == 0 or q == 0) else n * n * below(p, q, c)
  return dual(n), half_turn


SCALE = mpf(1) / mpf("2.4020563531719796")
DUALS = {
  "relu": lambda stabilize=False: ab_relu(0, 1),
  "abs": lambda stabilize=False: ab_relu(-1, 1),
  "leakyRelu": lambda alpha, stabilize=False: ab_relu(alpha, 1),
  "abRelu": lambda a, b, stabilize=False: ab_relu(a, b),
  "erf": erf,
  "sigmoidLike": lambda: erf(mpf(1) / 2, SCALE, mpf(1) / 2),
  "gelu": gelu,
  "sin": sin,
  "cos": cos,
  "rbf": rbf,
  "gaussian": gaussian,
  "exp": exp,
  "expNormalized": exp_normalized,
  "gabor": gabor,
  "sign": sign,
  "hermite": hermite,
  "monomial": monomial,
  "rectifiedMonomial": rectified_monomial,
  "polynomial": polynomial,
}


def duals(name, arguments):
  return DUALS[name](**arguments)


# What the closed forms are checked against: φ and φ' themselves, in float64.


def _erf64(x):
  from scipy.special import erf as value

  return value(x)


def functions(name, arguments):
  """φ and φ' of an activation, or None where there is no function (expNormalized)."""
  a = arguments
  exp_, sqrt = np.exp, np.sqrt
  step = lambda x: 0.5 * (np.sign(x) + 1)
  bell = lambda x: exp_(-x * x / 2) / sqrt(2 * np.pi)

  def piecewise(low, high):
    return lambda x: np.where(x < 0, low, high) * x, lambda x: np.where(x < 0, low, high) + 0.0

  def scaled_erf(s, b, c):
    return lambda x: s * _erf64(b * x) + c, lambda x: s * b * 2 / sqrt(np.pi) * exp_(-((b * x) ** 2))

  def wave(s, b, c):
    return lambda x: s * np.sin(b * x + c), lambda x: s * b * np.cos(b * x + c)

  def power_series(coefficients):
    p = np.polynomial.Polynomial(coefficients)
    return p, p.deriv()

  if name == "hermite":
    weights = [0] * a["degree"] + [1 / np.sqrt(float(mp.factorial(a["degree"])))]
    h = np.polynomial.HermiteE(weights)
    return h, h.deriv()
  if name == "polynomial":
    return power_series(a["coefficients"])
  if name == "monomial":
    return power_series([0] * a["degree"] + [1])
  if name == "rectifiedMonomial":
    n = a["degree"]
    return lambda x: step(x) * x**n, lambda x: step(x) * n * x ** max(n - 1, 0)
  s, b, c = a.get("a", 1.0), a.get("b", 1.0), a.get("c", 0.0)
  return {
    "relu": lambda: piecewise(0.0, 1.0),
    "abs": lambda: piecewise(-1.0, 1.0),
    "leakyRelu": lambda: piecewise(a["alpha"], 1.0),
    "abRelu": lambda: piecewise(s, b),
    "erf": lambda: scaled_erf(s, b, c),
    "sigmoidLike": lambda: scaled_erf(0.5, float(SCALE), 0.5),
    "gelu": lambda: (
      lambda x: x * 0.5 * (1 + _erf64(x / sqrt(2))),
      lambda x: 0.5 * (1 + _erf64(x / sqrt(2))) + x * bell(x),
    ),
    "sin": lambda: wave(s, b, c),
    "cos": lambda: wave(s, b, c + np.pi / 2),
    "rbf": lambda: wave(sqrt(2), sqrt(2 * a.get("gamma", 1.0)), np.pi / 4),
    "gaussian": lambda: (
      lambda x: s * exp_(a.get("b", -1.0) * x * x),
      lambda x: 2 * a.get("b", -1.0) * x * s * exp_(a.get("b", -1.0) * x * x),
    ),
    "exp": lambda: (lambda x: s * exp_(b * x), lambda x: s * b * exp_(b * x)),
    "gabor": lambda: (lambda x: exp_(-x * x) * np.sin(x), lambda x: exp_(-x * x) * (np.cos(x) - 2 * x * np.sin(x))),
    "sign": lambda: (np.sign, lambda x: 0 * x),
    "expNormalized": lambda: None,
  }[name]()


def quadrature(f, p, q, c, pieces=12, order=40, reach=14.0):
  """E[f(u) f(v)] by composite Gauss-Legendre with both integrals split at the zero of the argument of f."""
  nodes, weights = np.polynomial.legendre.leggauss(order)

  def rule(low, high):
    edges = np.linspace(0, 1, pieces + 1)
    x = np.concatenate([(e0 + (e1 - e0) * (nodes + 1) / 2) for e0, e1 in zip(edges, edges[1:])])
    w = np.concatenate([(e1 - e0) / 2 * weights for e0, e1 in zip(edges, edges[1:])])
    low, high = np.asarray(low)[..., None], np.asarray(high)[..., None]
    return low + (high - low) * x, (high - low) * w

  def density(z):
    return np.exp(-z * z / 2) / np.sqrt(2 * np.pi)

  total = 0.0
  spread = np.sqrt(q - c * c / p)
  for low, high in ((-reach, 0.0), (0.0, reach)):
    z, w = rule(low, high)
    u = np.sqrt(p) * z
    split = np.clip(-c / p * u / spread, -reach, reach)
    inner = 0.0
    for from_, to in ((np.full_like(split, -reach), split), (split, np.full_like(split, reach))):
      z2, w2 = rule(from_, to)
      inner = inner + (w2 * density(z2) * f(c / p * u[..., None] + spread * z2)).sum(-1)
    total += (w * density(z) * f(u) * inner).sum()
  return total
