"""Writes Tests/TensorsTests/Fixtures/elementary.json: elementary functions of exact float32 and float64 arguments.

Entries are {"function", "dtype", "arguments": [...], "values": [...]}; for two-argument functions "second" holds the
other arguments (atan2: arguments are y, second x; pow: arguments are bases, second exponents). Arguments are exactly
representable in the dtype. Values are decimal strings, correctly rounded to 25 digits from 80: compare with the nearest
number of the dtype. Arguments whose value is infinite or too large for the dtype are left out; values too small for it
keep their digits.
"""

import json
import os

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.dps = 80

TYPES = {"float32": np.float32, "float64": np.float64}
RANGES = {  # smallest subnormal, smallest normal, largest
  "float32": (mpf(2) ** -149, mpf(2) ** -126, mpf(2) ** 128 - mpf(2) ** 104),
  "float64": (mpf(2) ** -1074, mpf(2) ** -1022, mpf(2) ** 1024 - mpf(2) ** 971),
}


def spread(low, high, count):
  """Geometrically spaced, with unround mantissas."""
  return [float(low * (mpf(high) / low) ** (mpf(i) / (count - 1))) * (1 + 0.123 * i / count) for i in range(count)]


def near(centre, ulp):
  return [centre - 3 * ulp, centre - ulp, centre + ulp, centre + 2 * ulp]


def arguments(function, dtype):
  subnormal, normal, largest = (float(v) for v in RANGES[dtype])
  ulp = float(np.finfo(TYPES[dtype]).eps)
  wide = dtype == "float64"
  tiny = [0.0, subnormal, 5 * subnormal, normal / 3, normal]
  positive_wide = spread(normal, largest / 4, 40)
  both = lambda values: [*values, *[-v for v in values if v != 0]]
  if function == "exp":
    top, bottom = (709.5, -745.0) if wide else (88.5, -103.5)
    return [
      *both(tiny[:3] + spread(1e-12, 1.0, 12)),
      *np.linspace(1, top, 14),
      *np.linspace(-1, bottom, 18),
      np.log(2),
      -np.log(2),
    ]
  if function == "expm1":
    return [*both(tiny + spread(1e-15, 1.0, 16)), *np.linspace(1, 700 if wide else 87, 12), *np.linspace(-1, -60, 8)]
  if function == "log":
    return [*tiny[1:], *positive_wide, *near(1.0, ulp), *spread(0.5, 2.0, 15), largest]
  if function == "log1p":
    return [*both(tiny + spread(1e-15, 0.4, 12)), -0.5, -0.9, -0.999, -1 + ulp, *spread(0.5, largest / 4, 18)]
  if function in ("sin", "cos", "tan"):
    pi = np.pi
    return [
      *both(tiny + spread(1e-6, 1.0, 8)),
      *both([pi / 4, pi / 2, pi, 3 * pi / 2, 2 * pi, 100 * pi, 355.0]),
      *spread(1.0, 1e4, 10),
      *spread(1e5, 1e9 if wide else 1e7, 6),
      1e15 if wide else 3e8,
      1e22 if wide else 1e10,
    ]
  if function == "tanh":
    return both(tiny + spread(1e-10, 0.5, 12) + list(np.linspace(0.55, 10, 10)) + [19.0, 22.0, 50.0, 1e4])
  if function == "erf":
    return both(tiny + spread(1e-10, 0.4, 10) + list(np.linspace(0.45, 3.8, 14)) + [4.5, 5.9, 6.1, 27.0])
  if function == "erfc":
    return [
      *both(tiny[:2] + spread(1e-10, 0.4, 8) + list(np.linspace(0.45, 3.8, 12))),
      4.5,
      7.0,
      9.0,
      10.0,
      *([20.0, 26.0, 27.0] if wide else []),
    ]
  if function == "atan":
    return both(tiny + spread(1e-8, 1.0, 12) + near(1.0, ulp) + spread(1.5, largest / 4, 12))
  if function in ("sqrt", "rsqrt"):
    return [*(tiny if function == "sqrt" else tiny[1:]), *positive_wide, *near(1.0, ulp), 2.0, 4.0, 1e10, largest]
  if function == "erfInverse":
    return both(
      tiny[:2]
      + spread(1e-10, 0.4, 10)
      + list(np.linspace(0.45, 0.95, 11))
      + [0.99, 0.999, 0.99999, 1 - 4 * ulp, 1 - ulp]
    )
  raise KeyError(function)


def pairs(function, dtype):
  subnormal, normal, largest = (float(v) for v in RANGES[dtype])
  if function == "atan2":
    sides = [0.0, 1.0, 0.3, 7.5, normal, subnormal, largest, 1e-3]
    signed = sorted({s * v for v in sides for s in (1, -1)})
    chosen = [(y, x) for i, y in enumerate(signed) for j, x in enumerate(signed) if (i * 7 + j * 3) % 4 == 0]
    return [(y, x) for y, x in chosen if (y, x) != (0, 0)]
  bases = [0.0, 1.0, 2.0, 0.5, 1 + 2.0**-20, 1 - 2.0**-20, 3.7, 0.01, 123.456, normal, largest**0.5]
  exponents = (0.0, 1.0, -1.0, 2.0, 3.0, 0.5, -0.5, 1 / 3, -2.7, 17.25)
  chosen = [(b, e) for b in bases for e in exponents if not (b == 0 and e < 0)]
  chosen += [(-2.0, 3.0), (-2.0, -3.0), (-1.5, 4.0), (-0.1, 5.0), (10.0, 38.0), (10.0, -38.0)]
  chosen += [(1 + 2.0**-20, 1e6), (1 - 2.0**-20, -1e7)]
  return chosen


def cut(values, dtype):
  """Rounded to the dtype, without repetitions, in order."""
  return list(dict.fromkeys(float(TYPES[dtype](v)) for v in values))


FUNCTIONS = {
  "exp": mp.exp,
  "expm1": mp.expm1,
  "log": mp.log,
  "log1p": mp.log1p,
  "sin": mp.sin,
  "cos": mp.cos,
  "tan": mp.tan,
  "tanh": mp.tanh,
  "erf": mp.erf,
  "erfc": mp.erfc,
  "atan": mp.atan,
  "sqrt": mp.sqrt,
  "rsqrt": lambda x: 1 / mp.sqrt(x),
  "erfInverse": mp.erfinv,
}
TWO = {"atan2": mp.atan2, "pow": lambda b, e: mp.power(b, int(e)) if e == int(e) else mp.power(b, e)}


def decimal(value):
  return "0" if value == 0 else mpmath.nstr(value, 25, min_fixed=0, max_fixed=0, strip_zeros=True)


if __name__ == "__main__":
  entries = []
  for dtype, number in TYPES.items():
    limit = RANGES[dtype][2]
    for function, exact in FUNCTIONS.items():
      kept = [(x, exact(mpf(x))) for x in cut(arguments(function, dtype), dtype)]
      kept = [(x, value) for x, value in kept if mp.im(value) == 0 and abs(value) <= limit]
      entries.append(
        {
          "function": function,
          "dtype": dtype,
          "arguments": [x for x, _ in kept],
          "values": [decimal(v) for _, v in kept],
        }
      )
    for function, exact in TWO.items():
      kept = []
      for a, b in dict.fromkeys((float(number(a)), float(number(b))) for a, b in pairs(function, dtype)):
        value = exact(mpf(a), mpf(b))
        if mp.im(value) == 0 and abs(value) <= limit:
          kept.append((a, b, value))
      entries.append(
        {
          "function": function,
          "dtype": dtype,
          "arguments": [a for a, _, _ in kept],
          "second": [b for _, b, _ in kept],
          "values": [decimal(v) for _, _, v in kept],
        }
      )
  path = os.path.join(
    os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "TensorsTests/Fixtures/elementary.json"
  )
  with open(path, "w") as file:
    source = f"Tests/Fixtures/make_elementary.py with mpmath {mpmath.__version__} at {mp.dps} digits"
    file.write('{\n"source": ' + json.dumps(source) + ',\n"entries": [\n')
    file.write(",\n".join(json.dumps(entry, allow_nan=False, separators=(",", ":")) for entry in entries))
    file.write("\n]\n}\n")
  for entry in entries:
    print(entry["function"], entry["dtype"], len(entry["arguments"]))
  print(os.path.getsize(path), "bytes")
