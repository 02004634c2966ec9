"""Writes Tests/NeuralTangentsTests/Fixtures/golden.json: whole networks with the two first entries of their kernels.

x1 = S and x2 = C (see fixture_support); masked entries and patterns as in make_layers.py. The numbers were printed by
the peer in float64 to ten digits; exact_layers must print the same.
"""

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
from branch_rules import evaluate
from exact_layers import input_kernels
from fixture_support import PEER, C, S, flat, write
from layer_cases import *
from peer_layers import peer_kernel

IMAGES, VECTORS = ((2, 4, 5, 3), (2, 4, 5, 3)), ((2, 6), (3, 6))
networks = []


def add(name, network, nngp, ntk, shapes=IMAGES, masked=False, patterns=None):
  networks.append((name, network, nngp, ntk, shapes, masked, patterns))


def pool_head(*layers):
  return serial(*layers, layer("globalAveragePool"), dense(1))


affine = {"weightStd": 1.5, "biasStd": 0.1}
standard = {"parameterization": "standard", **affine}
add(
  "fully connected",
  serial(dense(1, **affine), RELU, dense(1, **affine)),
  [0.2474090884, 0.7479244517],
  [0.06754998077, 1.077004229],
  VECTORS,
)
add(
  "fully connected, standard",
  serial(dense(7, widthScales=[1, 4], **standard), RELU, dense(1, widthScales=[4, 1], **standard)),
  [0.2474090884, 0.7479244517],
  [1.689437812, 4.85660426],
  VECTORS,
)
for padding, nngp, ntk in [
  ("same", [0.06492757034, 0.0650503094], [0.1342520188, 0.1350675441]),
  ("valid", [0.05384118659, 0.05344739938], [0.1064511792, 0.1051648251]),
  ("circular", [0.09455185475, 0.09388783127], [0.1990356703, 0.197595654]),
]:
  layers = [conv(1, 3, 2, strides=[1, 2], padding=padding, **affine), RELU, conv(1, 2, 3, padding="same")]
  add(f"two convolutions, {padding}", pool_head(*layers), nngp, ntk)
add(
  "convolution, flattened",
  serial(conv(1, 3, 2, padding="same", **affine), RELU, layer("flatten"), dense(1)),
  [0.1205998948, 0.1271488001],
  [0.1108960448, 0.1247719162],
)
for padding, nngp, ntk in [
  ("same", [0.006455150972, 0.00649518362], [0.01304818061, 0.01313231556]),
  ("valid", [0.00773238618, 0.00772855149], [0.01560153802, 0.01559005942]),
  ("circular", [0.006410089304, 0.00639916738], [0.01306134856, 0.01302326473]),
]:
  layers = [conv_transpose(1, 3, 2, strides=[1, 2], padding=padding, **affine), ERF]
  add(f"transposed convolution, {padding}", pool_head(*layers), nngp, ntk)
add(
  "unshared convolution",
  pool_head(conv_local(1, 3, 2, padding="same", **affine), RELU),
  [0.1299625152, 0.1300796235],
  [0.1294773227, 0.1299607793],
)
window = {"window": [2, 3], "strides": [1, 2]}
add(
  "average pool",
  pool_head(dense(1), layer("averagePool", padding="same", **window), RELU),
  [0.01246984245, 0.01271082604],
  [0.02063237659, 0.0210802439],
)
add(
  "average pool, edges normalised",
  pool_head(dense(1), layer("averagePool", padding="same", normalizeEdges=True, **window), RELU),
  [0.03240370379, 0.03312093116],
  [0.05403824317, 0.05541074398],
)
add(
  "sum pool",
  serial(dense(1), layer("sumPool", padding="circular", **window), RELU, layer("globalSumPool"), dense(1)),
  [96.03725118, 94.94623401],
  [162.2472455, 160.2382772],
)
add(
  "layer normalisation",
  pool_head(conv(1, 2, 2), layer("layerNorm", axes=[1, 3]), GELU),
  [0.08494998113, 0.08498205282],
  [0.09662677258, 0.09672296729],
)
heads = {"outputChannels": 1, "keyChannels": 1, "valueChannels": 1, "heads": 1}
stds = {"weightKeyStd": 1.1, "weightValueStd": 0.9, "weightQueryStd": 0.8, "weightOutStd": 1.2, "biasStd": 0.3}
add(
  "attention, softmax",
  pool_head(
    dense(1),
    layer(
      "globalSelfAttention",
      **heads,
      **stds,
      positionalEmbedding="sum",
      positionalDecay="linear",
      weightPositionalStd=0.7,
      valuePositionalEmbedding=True,
    ),
    RELU,
  ),
  [0.1268027331, 0.1264814865],
  [0.3506440909, 0.3491066644],
)
add(
  "attention, identity",
  pool_head(
    dense(1),
    layer(
      "globalSelfAttention",
      **heads,
      **stds,
      linearScaling=False,
      attentionMechanism="identity",
      positionalEmbedding="concat",
      positionalChannels=2,
      weightPositionalStd=0.7,
    ),
    RELU,
  ),
  [2.279272602, 2.250984617],
  [4.114848629, 4.032676936],
)
add(
  "resizing",
  pool_head(dense(1), layer("imageResize", shape=[-1, 2, 7, -1], method="linear"), RELU),
  [0.02660821463, 0.02920634037],
  [0.04218173395, 0.04733983267],
)
add(
  "indexing",
  pool_head(dense(1), layer("index", ranges=[":", "1:", "::-2"]), RELU),
  [0.1134057198, 0.1150384947],
  [0.1931074021, 0.1983521012],
)
add(
  "product of branches",
  serial(
    dense(1),
    layer("fanOut", count=2),
    parallel(serial(RELU, dense(1, weightStd=1.3)), serial(ERF, dense(1, weightStd=0.7))),
    layer("fanInProduct"),
    dense(1),
  ),
  [-0.004261304859, 0.014882517],
  [-0.01370300377, 0.06629370186],
  VECTORS,
)
add(
  "aggregation",
  pool_head(dense(1), layer("aggregate", axes=[1], implementation="dense"), RELU),
  [0.06329639415, 0.04484369069],
  [0.1069815436, 0.07498648503],
  patterns=(np.abs(S((2, 4, 4))), np.abs(S((2, 4, 4)))),
)
add(
  "masked convolution",
  pool_head(conv(1, 3, 3, padding="same", **affine), RELU),
  [0.1151065872, 0.1246129504],
  [0.1213252847, 0.133078407],
  masked=True,
)
add(
  "masked attention",
  serial(dense(1), layer("globalSelfAttention", **heads, biasStd=0.3), ERF, layer("flatten"), dense(1)),
  [0.05710464688, 0.0694969282],
  [0.08315117415, 0.1128103566],
  masked=True,
)


def entry(name, network, nngp, ntk, shapes, masked, patterns):
  x1, x2 = S(shapes[0]), C(shapes[1])
  masks = None, None
  if masked:
    masks = np.zeros(shapes[0], bool), np.zeros(shapes[1], bool)
    masks[0][0, 1, 2], masks[0][1, :, 3], masks[1][0, 2:, 1] = True, True, True
    x1, x2 = (np.where(m, MASK_CONSTANT, x) for m, x in zip(masks, (x1, x2)))
  rules = evaluate(network, input_kernels(x1, x2, *masks, 0, -1), patterns)
  peer = peer_kernel(network, x1, x2, MASK_CONSTANT if masked else None, patterns)
  for key, printed in (("nngp", nngp), ("ntk", ntk)):
    for found in (getattr(rules, key), peer[key]):
      assert np.abs(found.reshape(-1)[:2] / printed - 1).max() < 2e-9, (name, key, found.reshape(-1)[:2])
  result = {"name": name, "network": network, "x1": list(shapes[0]), "x2": list(shapes[1])}
  if masked:
    indices = [np.flatnonzero(m).tolist() for m in masks]
    result |= {"maskConstant": MASK_CONSTANT, "masked1": indices[0], "masked2": indices[1]}
  if patterns is not None:
    result |= {"pattern1": graph(patterns[0]), "pattern2": graph(patterns[1])}
  return result | {"shape": list(peer["nngp"].shape), "nngp": nngp, "ntk": ntk}


if __name__ == "__main__":
  document = {"source": f"Tests/Fixtures/make_golden.py: printed by {PEER}, float64, ten digits"}
  write(
    "Tests/NeuralTangentsTests/Fixtures/golden.json",
    document | {"networks": [entry(*network) for network in networks]},
    "networks",
  )
