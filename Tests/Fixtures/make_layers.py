"""Writes Tests/NeuralTangentsTests/Fixtures/layers.json: kernels of networks with spatial axes, masks and graphs.

x1 = S(shape) and x2 = C(shape) (see fixture_support), "x2": null asks for the symmetric kernel; "masked1" and "masked2"
are the row-major indices of the entries that hold "maskConstant" instead. "pattern1" and "pattern2" are the graphs of
the two data sets. The matrices are (N1, N2, P…, P'…), or (N1, N2, P…) with "diagonalSpace"; cov1 and cov2 are
(N, P…, P'…) or (N, P…), with a second batch axis with "fullBatch". "mask1" and "mask2" are the output's masked
positions, (N, P…). "tolerance" stands where the conditioning of the kernel asks for more than rounding.

The values are those of exact_layers and the peer must agree with them to 1e-9, or to 1e-6 where inputs coincide and the
peer loses digits; "peerDeviation" is its largest relative error where above 1e-11. Where the peer refuses or is wrong
the case has "source": "rules" and "peer": what it did. Arguments choose subjects; --report prints without writing.
"""

import importlib
import json
import multiprocessing
import sys
import time

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
from branch_rules import evaluate
from exact_layers import input_kernels
from fixture_support import PEER, C, S, flat, write
from layer_cases import MASK_CONSTANT, graph
from peer_layers import peer_kernel

SUBJECTS = ("convolution", "pooling", "maps", "attention", "branches", "activations")
KEYS = ("nngp", "ntk", "cov1", "cov2")


def inputs(case):
  with_mask = lambda x, masked: x if masked is None else np.where(masked, MASK_CONSTANT, x)
  x2 = None if case.x2 is None else with_mask(C(case.x2), case.masked2)
  return with_mask(S(case.x1), case.masked1), x2


def rules_kernel(case):
  start = input_kernels(*inputs(case), case.masked1, case.masked2, case.batch, case.channel)
  kernel = evaluate(case.network, start, case.patterns)
  result = {"shape1": kernel.shape1}
  for key in KEYS:
    matrix = getattr(kernel, key)
    within = key.startswith("cov")
    if within and not case.full_batch:
      matrix = np.einsum("nnpq->npq", matrix)
    lead = matrix.shape[:-2]
    if case.diagonal:
      matrix = np.einsum("...pp->...p", matrix).reshape(*lead, *kernel.space)
    else:
      matrix = matrix.reshape(*lead, *kernel.space, *kernel.space)
    result[key] = matrix
  if case.x2 is None:
    result["cov2"] = None
  positions = lambda m: None if m is None else m.reshape(len(m), *kernel.space)
  masks = (kernel.mask1, None if case.x2 is None else kernel.mask2)
  return result | {"mask1": positions(masks[0]), "mask2": positions(masks[1])}


def deviation(values, reference):
  """Relative to each entry, but not below 1e-3 of the largest one, where entries cancel."""
  if values.shape != reference.shape:
    return float("inf")
  if not np.isfinite(values).all():
    return float("nan")
  scale = np.maximum(np.abs(reference), 1e-3 * np.abs(reference).max())
  return float((np.abs(values - reference) / np.where(scale == 0, 1, scale)).max())


def compare(case, rules):
  """(largest deviation of the peer, None) or (None, what is wrong with it)."""
  x1, x2 = inputs(case)
  constant = None if case.masked1 is None else MASK_CONSTANT
  # Only where positions remain does it matter what is kept of them.
  keep = True if case.diagonal else False if rules["nngp"].ndim > 2 else None
  try:
    peer = peer_kernel(case.network, x1, x2, constant, case.patterns, keep, case.full_batch)
  except Exception as error:
    text = str(error).strip().split("\n")[0]
    return None, f"{type(error).__name__}: {text[:90]}"
  # The peer has no finite network of this activation, and so no shapes.
  if tuple(peer["shape1"]) != tuple(rules["shape1"]) and '"expNormalized"' not in json.dumps(case.network):
    return None, f"shape {peer['shape1']}, expected {rules['shape1']}"
  worst, wrong = 0.0, []
  loose = case.x2 is None or any(name in json.dumps(case.network) for name in ('"sign"', '"rectifiedMonomial"'))
  for key in KEYS:
    if rules[key] is None:
      continue
    error = deviation(peer[key], rules[key])
    if not error <= (1e-6 if loose else 1e-9):
      wrong.append(f"{key} {error:.1e}")
    else:
      worst = max(worst, error)
  for key in ("mask1", "mask2"):
    if rules[key] is not None and not (
      peer[key] is not None and peer[key].shape == rules[key].shape and (peer[key] == rules[key]).all()
    ):
      wrong.append(key)
  return (None, "wrong " + ", ".join(wrong)) if wrong else (worst, None)


def entry(case):
  rules = rules_kernel(case)
  error, reason = compare(case, rules)
  flatten = lambda masked: None if masked is None else np.flatnonzero(masked).tolist()
  pattern = lambda index: None if case.patterns is None else graph(case.patterns[index])
  rounded = lambda matrix: None if matrix is None else flat(matrix)
  result = {"name": case.name, "network": case.network, "x1": list(case.x1)}
  result["x2"] = None if case.x2 is None else list(case.x2)
  if case.masked1 is not None:
    result |= {"maskConstant": MASK_CONSTANT, "masked1": flatten(case.masked1), "masked2": flatten(case.masked2)}
  if case.patterns is not None:
    result |= {"pattern1": pattern(0), "pattern2": pattern(1) if case.x2 is not None else None}
  result |= {"diagonalSpace": case.diagonal, "fullBatch": case.full_batch, "shape1": list(rules["shape1"])}
  result |= {key: rounded(rules[key]) for key in KEYS}
  for key in ("mask1", "mask2"):
    if rules[key] is not None:
      result[key] = {"shape": list(rules[key].shape), "values": rules[key].astype(int).reshape(-1).tolist()}
  if case.x2 is None:
    result["tolerance"] = 1e-7
  if reason is not None:
    result |= {"source": "rules", "peer": reason}
  elif error > 1e-11:
    result["peerDeviation"] = float(f"{error:.1e}")
  return result


def run(subject):
  """The entries of one subject, what is remarkable about them, and the cases that could not be computed."""
  start = time.time()
  entries, notes, failures = [], [], []
  for case in importlib.import_module(f"layer_list_{subject}").cases:
    try:
      entries.append(entry(case))
    except Exception as error:
      failures.append(f"{subject}: {case.name}: {type(error).__name__}: {error}")
  for item in entries:
    if "source" in item:
      notes.append(f"  {subject}: {item['name']}: {item['peer']}")
    elif "peerDeviation" in item:
      notes.append(f"  {subject}: {item['name']}: peer deviates by {item['peerDeviation']:.1e}")
  rules = sum("source" in item for item in entries)
  seconds = time.time() - start
  notes.append(f"{subject}: {len(entries)} cases, {rules} by rules alone, {seconds:.0f} s")
  print("\n".join(notes + failures), flush=True)
  return entries, failures


if __name__ == "__main__":
  subjects = [argument for argument in sys.argv[1:] if argument != "--report"] or SUBJECTS
  with multiprocessing.get_context("spawn").Pool(2) as pool:
    results = pool.map(run, subjects, chunksize=1)
  assert not any(failures for _, failures in results)
  entries = [item for found, _ in results for item in found]
  names = [item["name"] for item in entries]
  assert len(set(names)) == len(names), sorted({name for name in names if names.count(name) > 1})
  if "--report" not in sys.argv:
    source = f"Tests/Fixtures/make_layers.py: layer rules in float64, checked against {PEER}, float64"
    write("Tests/NeuralTangentsTests/Fixtures/layers.json", {"source": source, "networks": entries}, "networks")
