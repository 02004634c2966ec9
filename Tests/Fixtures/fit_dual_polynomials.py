"""Fits the polynomials of Sources/CVectorKernels/duals/polynomials.h and prints that file.

Each is the best approximation in the relative sense (Remez exchange, 110 digits). Coefficients are rounded one after
the other, lowest first, and what is left is fitted again, so that rounding them costs almost nothing.

    python fit_dual_polynomials.py > Sources/CVectorKernels/duals/polynomials.h
"""
import struct
import sys

import mpmath as mp

mp.mp.dps = 110
TINY = mp.mpf(10) ** -24


def relu_arc(t):
    return mp.acos(1 - t) / (mp.pi * mp.sqrt(t * (2 - t)))


def asin_ratio(z):
    return mp.asin(mp.sqrt(z)) / mp.sqrt(z)


def exp_tail(r):
    return mp.hyp1f1(1, 3, r) / 2


def sinh_ratio(z):
    return mp.sinh(mp.sqrt(z)) / mp.sqrt(z)


def cosh_root(z):
    return mp.cosh(mp.sqrt(z))


HALF_LN2 = mp.log(2) / 2
# Name, meaning, function, interval, degrees for float32 and float64.
FITS = [
    ("RELU_ARC", "acos(c) / (pi sqrt(1-c^2)) in t = 1 - c", relu_arc, 0, 1, 8, 19),
    ("ASIN", "asin(x) / x in z = x^2", asin_ratio, 0, mp.mpf(1) / 2, 7, 18),
    ("EXP", "(exp(r) - 1 - r) / r^2", exp_tail, -HALF_LN2, HALF_LN2, 4, 10),
    ("SINH", "sinh(x) / x in z = x^2", sinh_ratio, 0, mp.mpf(1) / 16, 2, 4),
    ("COSH", "cosh(x) in z = x^2", cosh_root, 0, mp.mpf(1) / 16, 3, 5),
]
# These are divided by their leading coefficient, _LEAD, which spares Horner's rule a product.
MONIC = ["RELU_ARC"]


def to_float32(x):
    return mp.mpf(struct.unpack("f", struct.pack("f", float(x)))[0])


def remez(function, low, high, degree, rounds=12):
    """The polynomial nearest to the function in relative error, on a grid of points; the grid and the values."""
    size, count = 24 * (degree + 2), degree + 2
    points = [low + (high - low) * (1 - mp.cos(mp.pi * i / size)) / 2 for i in range(size + 1)]
    points = [x if abs(x) > TINY else TINY for x in points]
    values = [function(x) for x in points]
    reference = [int(mp.nint(mp.mpf(size) * (1 - mp.cos(mp.pi * i / (count - 1))) / 2)) for i in range(count)]
    for _ in range(rounds):
        system = mp.matrix(count, count)
        right = mp.matrix(count, 1)
        for row, index in enumerate(reference):
            for power in range(degree + 1):
                system[row, power] = points[index] ** power
            system[row, degree + 1] = (-1) ** row * values[index]
            right[row] = values[index]
        solution = mp.lu_solve(system, right)
        coefficients, level = [solution[i] for i in range(degree + 1)], abs(solution[degree + 1])
        errors = [1 - mp.polyval(coefficients[::-1], x) / v for x, v in zip(points, values)]
        # One extremum from each stretch of one sign.
        extrema = []
        for index, error in enumerate(errors):
            if not extrema or (error > 0) != (errors[extrema[-1]] > 0):
                extrema.append(index)
            elif abs(error) > abs(errors[extrema[-1]]):
                extrema[-1] = index
        while len(extrema) > count:
            extrema.pop(0 if abs(errors[extrema[0]]) < abs(errors[extrema[-1]]) else -1)
        if len(extrema) < count or max(abs(e) for e in errors) < level * 1.01:
            break
        reference = extrema
    return coefficients, points, values


def fit(function, low, high, degree, rounding, is_monic):
    """Rounded coefficients, the number that the polynomial is to be multiplied by, and the largest relative error."""
    coefficients, points, values = remez(function, low, high, degree)
    lead, free = mp.mpf(1), list(range(degree + 1))
    if is_monic:
        # Of the numbers near the leading coefficient, the one beside which the first coefficient loses least.
        near = [rounding(coefficients[degree] * (1 + mp.mpf(i) / 2**20)) for i in range(-200, 201)]
        lead = min(near, key=lambda l: abs(rounding(coefficients[0] / l) * l - coefficients[0]))
        free = [0, degree] + free[1:degree]
    for place, power in enumerate(free):
        rounded = lead if is_monic and power == degree else lead * rounding(coefficients[power] / lead)
        lost, coefficients[power] = coefficients[power] - rounded, rounded
        rest = free[place + 1 :]
        if len(rest) == 0:
            break
        # Least squares hands what rounding lost to the coefficients not yet rounded.
        system = mp.matrix(len(points), len(rest))
        right = mp.matrix(len(points), 1)
        for row, (x, v) in enumerate(zip(points, values)):
            for column, k in enumerate(rest):
                system[row, column] = x**k / v
            right[row] = lost * x**power / v
        correction, _ = mp.qr_solve(system, right)
        for column, k in enumerate(rest):
            coefficients[k] += correction[column]
    worst = max(abs(mp.polyval(coefficients[::-1], x) / v - 1) for x, v in zip(points, values))
    return [c / lead for c in coefficients], lead, worst


def main():
    print("// Minimax polynomials, lowest coefficient first, in relative error; printed by")
    print("// Tests/Fixtures/fit_dual_polynomials.py.")
    print("#pragma once\n")
    for name, meaning, function, low, high, single, double in FITS:
        interval = f"[{mp.nstr(mp.mpf(low), 5)}, {mp.nstr(mp.mpf(high), 5)}]"
        print(f"// {meaning}, on {interval}.")
        kinds = (("F32", single, to_float32, 9), ("F64", double, lambda x: mp.mpf(float(x)), 17))
        for suffix, degree, rounding, digits in kinds:
            is_monic = name in MONIC
            coefficients, lead, worst = fit(function, low, high, degree, rounding, is_monic)
            print(f"// Degree {degree}: {mp.nstr(worst, 2)}.")
            if is_monic:
                print(f"#define NT_{name}_LEAD_{suffix} {float(lead):.16e}")
            print(f"#define NT_{name}_{suffix} \\")
            tail = "f" if suffix == "F32" else ""
            lines = [f"  {float(c):.{digits - 1}e}{tail}" for c in coefficients]
            print(", \\\n".join(lines))
        print()
        print(name, file=sys.stderr)


main()
