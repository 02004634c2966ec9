"""Writes Tests/VectorKernelTests/Fixtures/dual-kernels.json: activation duals at 100 digits.

Closed forms in q12, q11, q22 (Cho and Saul 2009; Williams 1996; Tsuchida et al. 2020; the rest are Gaussian integrals),
evaluated at numbers that the type in question represents exactly. Each point is [q12, q11, q22, kappa, kappa', scale of
kappa, scale of kappa']; a scale is the root of the product of the values at (q11, q11, q11) and (q22, q22, q22).

    python make_dual_kernels.py          # needs mpmath and numpy
"""
import json
import pathlib

import mpmath as mp
import numpy as np

mp.mp.dps = 100
TARGET = pathlib.Path(__file__).parent.parent / "VectorKernelTests" / "Fixtures" / "dual-kernels.json"
POINTS = 64
CORRELATIONS = [0, 1e-6, -1e-6, 1e-3, -1e-3, 0.1, -0.1, 0.5, -0.5, 0.7, -0.7, 0.9, -0.9, 0.99, -0.99, 0.999, -0.999,
                1 - 1e-4, 1e-4 - 1, 1 - 1e-5, 1e-5 - 1, 1 - 1e-6, 1e-6 - 1, 1 - 1e-7, 1e-7 - 1, 1, -1]


def correlation(q, a, b):
    return max(min(q / mp.sqrt(a * b), mp.mpf(1)), mp.mpf(-1)) if a > 0 and b > 0 else mp.mpf(0)


def ab_relu(a, b):
    def dual(q, q1, q2):
        bend = (a - b) ** 2 / (2 * mp.pi)
        slope = (a * a + b * b) / 2 - bend * mp.acos(correlation(q, q1, q2))
        return bend * mp.sqrt(max(q1 * q2 - q * q, 0)) + slope * q, slope
    return dual


def erf(a, b, c):
    def dual(q, q1, q2):
        root = mp.sqrt((1 + 2 * b * b * q1) * (1 + 2 * b * b * q2) - 4 * b**4 * q * q)
        return 2 * a * a / mp.pi * mp.atan2(2 * b * b * q, root) + c * c, 4 * a * a * b * b / mp.pi / root
    return dual


def gelu(q, q1, q2):
    volume, product = (1 + q1) * (1 + q2), q1 * q2
    root = mp.sqrt(volume - q * q)
    angle = mp.atan2(q, root)
    value = q / 4 + ((q * q + product * root**2) / (volume * root) + q * angle) / (2 * mp.pi)
    return value, mp.mpf(1) / 4 + (angle + q / root * (1 / root**2 + (1 - product) / volume + 1)) / (2 * mp.pi)


def sin(a, b, c):
    def dual(q, q1, q2):
        near, far = mp.exp(b * b * (q - (q1 + q2) / 2)), mp.exp(-b * b * (q + (q1 + q2) / 2)) * mp.cos(2 * c)
        return a * a / 2 * (near - far), a * a * b * b / 2 * (near + far)
    return dual


def gaussian(a, b):
    def dual(q, q1, q2):
        root = mp.sqrt((1 - 2 * b * q1) * (1 - 2 * b * q2) - 4 * b * b * q * q)
        return a * a / root, 4 * a * a * b * b * q / root**3
    return dual


def exp(a, b):
    def dual(q, q1, q2):
        value = a * a * mp.exp(b * b * ((q1 + q2) / 2 + q))
        return value, b * b * value
    return dual


def exp_normalized(gamma, shift):
    def dual(q, q1, q2):
        value = mp.exp(gamma * (correlation(q, q1, q2) + shift))
        return mp.sqrt(q1 * q2) * value, gamma * value
    return dual


def gabor(q, q1, q2):
    s, d = q1 + q2, 4 * (q1 * q2 - q * q)
    e = 1 + 2 * s + d
    left, right = mp.exp(-(s + d + 2 * q) / (2 * e)), mp.exp(2 * q / e)
    t, u = 1 + 2 * s + 4 * (q * q + q1 * q2), 4 * q * (d + 3 * s + 2)
    return left * (right - 1) / (2 * mp.sqrt(e)), left * ((t - u) + right * (t + u)) / (2 * mp.sqrt(e) ** 5)


def sign(q, q1, q2):
    return 2 * mp.asin(correlation(q, q1, q2)) / mp.pi, mp.mpf(0)


def rbf(gamma):
    def dual(q, q1, q2):
        value = mp.exp(gamma * (2 * q - q1 - q2))
        return value, 2 * gamma * value
    return dual


def polynomial(c):
    def hermite(l, q):
        total = mp.mpf(0)
        for k in range(l, len(c), 2):
            i = (k - l) // 2
            total += c[k] * mp.factorial(k) / (2**i * mp.factorial(i) * mp.sqrt(mp.factorial(l))) * q**i
        return total

    def dual(q, q1, q2):
        terms = [hermite(l, q1) * hermite(l, q2) for l in range(len(c))]
        return sum(t * q**l for l, t in enumerate(terms)), sum(l * t * q ** (l - 1) for l, t in enumerate(terms) if l)
    return dual


def power_series(c):
    def dual(q, q1, q2):
        return sum(t * q**l for l, t in enumerate(c)), sum(l * t * q ** (l - 1) for l, t in enumerate(c) if l)
    return dual


def rectified_monomial(n):
    def j(n, theta):
        before, now = mp.pi - theta, mp.sin(theta) + (mp.pi - theta) * mp.cos(theta)
        if n == 0:
            return before
        for i in range(1, n):
            before, now = now, (2 * i + 1) * mp.cos(theta) * now + (i * mp.sin(theta)) ** 2 * before
        return now

    def dual(q, q1, q2):
        theta, root = mp.acos(correlation(q, q1, q2)), mp.sqrt(q1 * q2)
        slope = n * n * root ** (n - 1) * j(n - 1, theta) / (2 * mp.pi) if n else mp.mpf(0)
        return root**n * j(n, theta) / (2 * mp.pi), slope
    return dual


ALL = [1e-25, 1e-12, 1e-6, 1e-3, 0.1, 1, 10, 1e3, 1e6, 1e12, 1e15]
CASES = [
    # name, kind, parameters, coefficients, dual of exact parameters, variances near
    ("relu", "abRelu", [0, 1], [], lambda p, c: ab_relu(*p), ALL),
    ("leaky relu", "abRelu", [0.1, 1], [], lambda p, c: ab_relu(*p), ALL),
    ("abs", "abRelu", [-1, 1], [], lambda p, c: ab_relu(*p), ALL),
    ("erf", "erf", [1, 1, 0], [], lambda p, c: erf(*p), ALL),
    ("erf with scales and offset", "erf", [0.7, 1.3, 0.2], [], lambda p, c: erf(*p), ALL),
    ("gelu", "gelu", [], [], lambda p, c: gelu, ALL),
    ("sin", "sin", [0.7, 1.3, 0], [], lambda p, c: sin(*p), ALL[1:8]),
    ("sin with phase", "sin", [0.7, 1.3, 0.3], [], lambda p, c: sin(*p), ALL[2:8]),
    ("cos", "sin", [1, 1, float(mp.pi / 2)], [], lambda p, c: sin(*p), ALL[1:8]),
    ("gaussian", "gaussian", [0.7, -0.6], [], lambda p, c: gaussian(*p), ALL),
    ("growing gaussian", "gaussian", [1, 0.1], [], lambda p, c: gaussian(*p), ALL[:5]),
    ("exp", "exp", [0.7, 0.5], [], lambda p, c: exp(*p), ALL[2:7]),
    ("normalized exp", "expNormalized", [1, -1], [], lambda p, c: exp_normalized(*p), ALL),
    ("steep normalized exp", "expNormalized", [30, 0.1], [], lambda p, c: exp_normalized(*p), ALL[:8]),
    ("gabor", "gabor", [], [], lambda p, c: gabor, ALL),
    ("sign", "sign", [], [], lambda p, c: sign, ALL),
    ("rbf", "rbf", [0.4], [], lambda p, c: rbf(*p), ALL[2:8]),
    ("cubic", "polynomial", [], [1.3, 0, -1.2, -0.5], lambda p, c: polynomial(c), ALL[1:9]),
    ("constant", "polynomial", [], [1.3], lambda p, c: polynomial(c), ALL[1:9]),
    ("fifth power", "polynomial", [], [0, 0, 0, 0, 0, 1], lambda p, c: polynomial(c), ALL[3:8]),
    ("polynomial of degree 8", "polynomial", [], [0.1, 0.2, 0.3, -0.4, 0.5, -0.6, 0.7, 0.8, 0.9],
     lambda p, c: polynomial(c), ALL[2:7]),
    ("power series", "powerSeries", [], [0.5, 0.25, 0, 0.125], lambda p, c: power_series(c), ALL[1:9]),
] + [(f"rectified monomial {n}", "rectifiedMonomial", [n], [], lambda p, c: rectified_monomial(int(p[0])), ALL[2:8])
     for n in (0, 1, 2, 3, 5)]


def points(generator, kind, variances):
    """q12, q11, q22 that fit in the type and belong together; equal and unequal inputs in turn."""
    while True:
        q1 = kind(variances[generator.integers(len(variances))] * np.exp(generator.uniform(-0.7, 0.7)))
        alike = generator.random() < 0.5
        q2 = q1 if alike else kind(q1 * kind(np.exp(generator.uniform(-2, 2))))
        rho = CORRELATIONS[generator.integers(len(CORRELATIONS))]
        root = mp.sqrt(mp.mpf(float(q1)) * mp.mpf(float(q2)))
        q12 = kind(rho) * q1 if alike and abs(rho) == 1 else kind(float(root * rho))
        if abs(mp.mpf(float(q12))) <= root:
            yield q12, q1, q2


def main():
    generator = np.random.default_rng(20240607)
    cases = []
    for name, kind_name, parameters, coefficients, make, variances in CASES:
        dual = make([mp.mpf(float(p)) for p in parameters], [mp.mpf(float(c)) for c in coefficients])
        case = {"name": name, "kind": kind_name, "parameters": parameters, "coefficients": coefficients}
        for type_name, kind in (("float32", np.float32), ("float64", np.float64)):
            rows = []
            for (q12, q1, q2), _ in zip(points(generator, kind, variances), range(POINTS)):
                x, a, b = (mp.mpf(float(v)) for v in (q12, q1, q2))
                value, slope = dual(x, a, b)
                (value1, slope1), (value2, slope2) = dual(a, a, a), dual(b, b, b)
                scale, slope_scale = mp.sqrt(value1 * value2), mp.sqrt(abs(slope1 * slope2))
                digits = 10 if kind is np.float32 else 18
                numbers = [str(v) for v in (q12, q1, q2)]
                for v, count in ((value, digits), (slope, digits), (scale, 3), (slope_scale, 3)):
                    numbers.append(mp.nstr(v, count, min_fixed=0, max_fixed=0) if abs(v) > 1e-300 else "0")
                rows.append("[" + ", ".join(numbers) + "]")
            case[type_name] = rows
        cases.append(case)
    text = []
    for case in cases:
        head = json.dumps({k: case[k] for k in ("name", "kind", "parameters", "coefficients")})[:-1]
        rows = ["  \"%s\": [\n    %s\n  ]" % (t, ",\n    ".join(case[t])) for t in ("float32", "float64")]
        text.append(head + ",\n" + ",\n".join(rows) + "}")
    TARGET.write_text("[\n" + ",\n".join(text) + "\n]\n")


main()
