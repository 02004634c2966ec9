"""Writes Tests/NeuralTangentsTests/Fixtures/finite-layers.json: finite networks with positions, in float32.

As finite.json, and: the input is S("input") with "maskConstant" at the row-major indices "masked"; masked positions of
"output" are zero, and zero after every layer on the way. "pattern" is the graph of the aggregations. Of a parameter
with more than 24 entries only "shape", "sum", "squares" (the sum of squares) and "first", eight entries, are kept.

With masks the layers of a `serial` also run one by one, with masked positions set to zero in between, which must not
change the output. A case that the peer refuses is left out and reported.
"""

import jax

jax.config.update("jax_threefry_partitionable", False)

import numpy as np
import peer_layers
from finite_list import cases
from fixture_support import PEER, S, build, flat, write
from layer_cases import MASK_CONSTANT, graph


def zeroed(parts):
  """A peer's output without its mask; masked entries are zero."""
  if isinstance(parts, (list, tuple)) and not hasattr(parts, "masked_value"):
    return [zeroed(part) for part in parts]
  if hasattr(parts, "masked_value"):
    return np.where(np.broadcast_to(np.asarray(parts.mask), parts.masked_value.shape), 0, parts.masked_value)
  return np.asarray(parts)


def with_zeros(parts):
  """The same output, masks and all, with zeros at the masked entries."""
  if isinstance(parts, (list, tuple)) and not hasattr(parts, "masked_value"):
    return [with_zeros(part) for part in parts]
  return parts.replace(masked_value=zeroed(parts)) if hasattr(parts, "masked_value") else parts


def parameter(leaf):
  leaf = np.asarray(leaf)
  if leaf.size <= 24:
    return flat(leaf)
  values = leaf.astype(np.float64).reshape(-1)
  return {
    "shape": list(leaf.shape),
    "sum": float(values.sum()),
    "squares": float((values * values).sum()),
    "first": values[:8].tolist(),
  }


def entry(name, network, shape, key, apply_key, masked, pattern):
  init_fn, apply_fn, _ = build(network)
  _, parameters = init_fn(jax.random.PRNGKey(key), shape)
  x = S(shape).astype("float32")
  arguments = {} if apply_key is None else {"rng": jax.random.PRNGKey(apply_key)}
  if masked is not None:
    x = np.where(masked, np.float32(MASK_CONSTANT), x)
    arguments["mask_constant"] = MASK_CONSTANT
  if pattern is not None:
    arguments["pattern"] = pattern if pattern.dtype.kind == "i" else pattern.astype("float32")
  output = zeroed(apply_fn(parameters, x, **arguments))
  if masked is not None and "serial" in network and apply_key is None:
    check = x
    for child, own in zip(network["serial"], parameters, strict=True):
      check = with_zeros(build(child)[1](own, check, **arguments))
    assert np.allclose(zeroed(check), output, rtol=1e-5, atol=1e-6), f"{name}: masked values matter"
  leaves = jax.tree_util.tree_leaves(parameters)
  assert all(leaf.dtype == "float32" for leaf in [*leaves, output]), name
  assert output.size > 0 and np.isfinite(output).all(), name
  result = {"name": name, "network": network, "key": key, "applyKey": apply_key, "input": list(shape)}
  if masked is not None:
    result |= {"maskConstant": MASK_CONSTANT, "masked": np.flatnonzero(masked).tolist()}
  if pattern is not None:
    result["pattern"] = graph(pattern)
  return result | {"parameters": [parameter(leaf) for leaf in leaves], "output": flat(output)}


if __name__ == "__main__":
  entries = []
  for case in cases:
    try:
      entries.append(entry(*case))
    except Exception as error:
      print(f"left out: {case[0]}: {type(error).__name__}: {str(error).strip().splitlines()[0][:110]}", flush=True)
  source = f"Tests/Fixtures/make_finite_layers.py with {PEER}, jax_threefry_partitionable=False, float32"
  write(
    "Tests/NeuralTangentsTests/Fixtures/finite-layers.json", {"source": source, "networks": entries}, "networks"
  )
