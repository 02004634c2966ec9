"""Computes the polynomials of Sources/CVectorKernels/duals/series_tails.h and prints that file.

A function with a kink at 0 and no other has Hermite coefficients a_n / sqrt(q) = s_n g_n sum over i of E_i T_i(2 nu - 1) for
large n of either parity, with signs s_n, g_n = (n-m-2)!! / sqrt(2 pi n!), nu = start / (n-m-2), m = 2 for odd n and 1 for even
n, Chebyshev's polynomials T_i and some E_i that depend on q (see duals_series_body.h). The sums of the tail of a series from n = first on are then combinations of

    V_j(y) = sum over n = first, first + 2, ... of g_n^2 T_j(2 nu - 1) rho^(n-first),  y = sqrt(1 - rho),
    W_j(y) = the same with n g_n^2,

of which the larger part is like exp(N y^2) erfc(sqrt(N) y). As polynomials in x, which is -1 at y = 0 and 1 at the largest y
and linear in y / (y + middle), they converge fast. They are interpolated at Chebyshev points with 30 digits.

    python fit_series_tails.py > Sources/CVectorKernels/duals/series_tails.h
"""
import functools

import mpmath as mp

mp.mp.dps = 30
LEVELS = 8
# What a series ends with, and the largest y and the middle of the tails beyond.
ENDS = {128: (mp.mpf("0.42"), mp.mpf("0.36")), 256: (mp.mpf("0.32"), mp.mpf("0.25"))}
DEGREES = {"F32": 13, "F64": 22}


def parameters(first):
    m = 2 if first % 2 else 1
    return m, mp.mpf(first - m - 2)


def log_square(first, n):
    """log g_n^2; (k)!! = 2^(k/2) Gamma(k/2 + 1) / Gamma(1/2) 2^(1/2) for odd k, without the last factors for even k."""
    m, _ = parameters(first)
    k = mp.mpf(n) - m - 2
    factorial = (k / 2) * mp.log(2) + mp.loggamma(k / 2 + 1)
    if int(first - m - 2) % 2:
        factorial += mp.log(mp.sqrt(2 / mp.pi))
    return 2 * factorial - mp.loggamma(mp.mpf(n) + 1) - mp.log(2 * mp.pi)


END = 3200
RULE = []
for node, weight in mp.calculus.quadrature.GaussLegendre(mp.mp).calc_nodes(4, 110):
    RULE.append((node, weight))


@functools.lru_cache(maxsize=None)
def squares(first):
    return [mp.exp(log_square(first, n)) for n in range(first, first + END, 2)]


@functools.lru_cache(maxsize=None)
def tails(first, y):
    """V_0, W_0, V_1, ...: summed to `END`, then by Euler and Maclaurin."""
    m, start = parameters(first)
    rho = 1 - y * y
    log_rho, square = mp.log(rho), rho * rho

    def terms(n, size):
        """All of them at n, where g_n^2 rho^(n-first) is `size`."""
        result, x = [], 2 * start / (n - m - 2) - 1
        previous, current = x, mp.mpf(1)
        for _ in range(LEVELS):
            result += [size * current, size * current * n]
            previous, current = current, 2 * x * current - previous
        return mp.matrix(result)

    def all_terms(n):
        return terms(n, mp.exp(log_square(first, n) + (n - first) * log_rho))

    total, power = mp.zeros(2 * LEVELS, 1), mp.mpf(1)
    for i, g in enumerate(squares(first)):
        total += terms(first + 2 * i, g * power)
        power *= square
        if power < mp.mpf(10) ** -35:
            return total
    end = first + END
    # n = end s^-2 makes the slowly falling terms smooth at infinity; Gauss and Legendre's rule on panels.
    integral = mp.zeros(2 * LEVELS, 1)
    edges = [mp.mpf(e) for e in ("0", "0.002", "0.01", "0.04", "0.15", "0.5", "1")]
    for low, high in zip(edges, edges[1:]):
        for node, weight in RULE:
            s = low + (high - low) * (1 + node) / 2
            integral += all_terms(end / s**2) * (weight * (high - low) / 2 * 2 * end / s**3)
    total += integral / 2 + all_terms(end) / 2
    # Differences for the derivatives: sum over k of (B_2k / (2k)!) 2^(2k-1) f^(2k-1).
    h = mp.mpf(4)
    f = {i: all_terms(end + i * h) for i in (-3, -2, -1, 1, 2, 3)}
    first_derivative = ((f[1] - f[-1]) * 45 - (f[2] - f[-2]) * 9 + (f[3] - f[-3])) / (60 * h)
    third_derivative = ((f[-1] - f[1]) * 13 + (f[2] - f[-2]) * 8 - (f[3] - f[-3])) / (8 * h**3)
    return total - first_derivative / 6 + third_derivative / 90


def tail(first, j, extra, y):
    return tails(first, y)[2 * j + extra]


def interpolated(function, degree, largest, middle):
    """Monomial coefficients in x of the polynomial through Chebyshev points."""
    count = degree + 1
    points = [mp.cos(mp.pi * (i + mp.mpf(1) / 2) / count) for i in range(count)]
    shares = [(1 + x) / 2 * largest / (largest + middle) for x in points]
    values = [function(middle * share / (1 - share)) for share in shares]
    chebyshev = [
        (1 if k == 0 else 2) * mp.fsum(v * mp.cos(k * mp.pi * (i + mp.mpf(1) / 2) / count) for i, v in enumerate(values)) / count
        for k in range(count)
    ]
    monomials = [mp.mpf(0)] * count
    previous, current = [mp.mpf(1)], [mp.mpf(0), mp.mpf(1)]
    for k, c in enumerate(chebyshev):
        for i, a in enumerate(previous):
            monomials[i] += c * a
        shifted = [mp.mpf(0)] + [2 * a for a in current]
        for i, a in enumerate(previous):
            shifted[i] -= a
        previous, current = current, shifted
    return monomials, abs(chebyshev[-1]) + abs(chebyshev[-2]), max(abs(v) for v in values)


def main():
    print("// Sums of the tails of Hermite series of functions with a kink at 0: polynomials, lowest coefficient")
    print("// first, in x = 2 (1 + middle / largest) y / (y + middle) - 1; printed by Tests/Fixtures/fit_series_tails.py, which says what they are.")
    print("#pragma once\n")
    for end, (largest, middle) in ENDS.items():
        print(f"#define NT_SERIES_TAIL_LARGEST_{end} {mp.nstr(largest, 17)}")
        print(f"#define NT_SERIES_TAIL_MIDDLE_{end} {mp.nstr(middle, 17)}")
    for name, degree in DEGREES.items():
        print(f"#define NT_SERIES_TAIL_COUNT_{name} {degree + 1}")
    for first, end in [(end + i, end) for end in ENDS for i in (1, 2)]:
        for name, degree in DEGREES.items():
            worst, lines = mp.mpf(0), []
            for j in range(LEVELS):
                for extra in (0, 1):
                    coefficients, error, size = interpolated(lambda y: tail(first, j, extra, y), degree, *ENDS[end])
                    worst = max(worst, error / size)
                    digits, suffix = (9, "f") if name == "F32" else (17, "")
                    lines.append("  {" + ", ".join(mp.nstr(c, digits) + suffix for c in coefficients) + "}")
            print(f"\n// From n = {first} on: V_0, W_0, V_1, ...; last coefficients below {mp.nstr(worst, 2)} of the largest value.")
            print(f"#define NT_SERIES_TAIL_{first}_{name} \\")
            print(", \\\n".join(lines))


main()
