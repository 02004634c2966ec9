"""Writes Tests/NeuralTangentsTests/Fixtures/networks.json: kernels of fully connected networks, in float64.

Run with the environment of README.md. x1 = S(shape), x2 = C(shape) (see fixture_support); "x2": null asks for the
symmetric kernel. Shapes are those of the arrays (batch, channels), or (channels, batch) for the transposed networks.

The values are those of exact_kernels, evaluated at 60 digits and rounded to float64, because the peer can lose half its
digits where inputs are equal. Where both apply they must agree; "peerDeviation" records the peer's largest relative
error of nngp and ntk. Networks with a "numerical" activation hold the peer's values and have no "peerDeviation"; their
"tolerance" is how far the quadrature is from one with 120 nodes.
"""

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
from exact_kernels import evaluate, input_kernels
from fixture_support import PEER, C, S, build, nested, write
from network_list import networks


def peer_kernel(name, network, x1, x2):
  # Without spatial axes this changes no value; it selects the peer's variance formula for cov1 and cov2, the only one
  # that is finite for rectified monomials.
  arguments = {"diagonal_spatial": True} if "rectifiedMonomial" in name else {}
  kernel = build(network)[2](S(x1), None if x2 is None else C(x2), **arguments)
  return {
    "nngp": np.asarray(kernel.nngp),
    "ntk": np.asarray(kernel.ntk * np.ones_like(kernel.nngp)),
    "cov1": np.asarray(kernel.cov1),
    "cov2": None if kernel.cov2 is None else np.asarray(kernel.cov2),
  }


def exact_kernel(name, network, x1, x2):
  first = lambda x: x.T if name.startswith("batch axis") else x
  kernel = evaluate(network, input_kernels(first(S(x1)), None if x2 is None else first(C(x2))), x2 is None)
  rounded = lambda values: np.array(values, dtype=np.float64)
  return {
    "nngp": rounded(kernel.nngp),
    "ntk": rounded(kernel.ntk),
    "cov1": rounded(kernel.var1),
    "cov2": None if x2 is None else rounded(kernel.var2),
  }


def deviation(values, reference):
  """Relative to each entry, but not below 1e-3 of the largest one, where entries cancel."""
  scale = np.maximum(np.abs(reference), 1e-3 * np.abs(reference).max())
  difference = np.abs(values - reference)
  return float((difference / np.where(scale == 0, 1, scale)).max())


def with_more_nodes(node):
  ((name, arguments),) = node.items()
  if name == "serial":
    return {name: [with_more_nodes(child) for child in arguments]}
  return {name: {**arguments, "degree": 120}} if name == "numerical" else node


def entry(name, network, x1, x2):
  peer = peer_kernel(name, network, x1, x2)
  if "numerical" in name:
    values = peer
    finer = peer_kernel(name, with_more_nodes(network), x1, x2)
    note = {"tolerance": max(deviation(peer[key], finer[key]) for key in ("nngp", "ntk"))}
    print(f"{name}: {note['tolerance']:.1e} from 120 nodes")
  else:
    values = exact_kernel(name, network, x1, x2)
    note = {"peerDeviation": max(deviation(peer[key], values[key]) for key in ("nngp", "ntk"))}
    allowed = 1e-7 if x2 is None else 1e-11
    if note["peerDeviation"] > 1e-12:
      print(f"{name}: peer deviates by {note['peerDeviation']:.1e}")
    assert note["peerDeviation"] < allowed, name
    for key in ("cov1", "cov2"):
      assert values[key] is None or deviation(peer[key], values[key]) < allowed, (name, key)
  return {
    "name": name,
    "network": network,
    "x1": x1,
    "x2": x2,
    **{key: None if value is None else nested(value) for key, value in values.items()},
    **note,
  }


if __name__ == "__main__":
  names = [network[0] for network in networks]
  assert len(set(names)) == len(names)
  entries = [entry(*network) for network in networks]
  source = f"Tests/Fixtures/make_networks.py: exact to float64, checked against {PEER}, float64"
  write("Tests/NeuralTangentsTests/Fixtures/networks.json", {"source": source, "networks": entries}, "networks")
