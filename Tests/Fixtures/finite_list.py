"""The finite networks with positions of make_finite_layers.py."""

from layer_cases import *

IMAGE, LINE, SMALL, VOLUME = (2, 4, 3, 2), (2, 5, 3), (2, 3, 2, 2), (2, 3, 2, 3, 2)
cases = []


def add(name, network, shape=IMAGE, masked=None, pattern=None, apply_key=None, batch=0, channel=-1):
  flags = None if masked is None else mask(shape, 0, batch, channel, masked)
  cases.append((name, network, shape, 1000 + len(cases), apply_key, flags, pattern))


MAKERS = [("conv", conv), ("convTranspose", conv_transpose), ("convLocal", conv_local)]
for name, make in MAKERS:
  for padding in ("valid", "same", "circular"):
    add(f"{name} {padding}", make(3, 3, 2, strides=[1, 2], padding=padding, weightStd=1.3, biasStd=0.2))
    add(f"{name} {padding}, line", serial(make(3, 4, strides=[2], padding=padding), ERF, make(2, 2, padding="same")), LINE)
    if name != "convTranspose" or padding != "circular":
      add(f"{name} {padding}, masked", serial(make(3, 3, 2, padding=padding, biasStd=0.2), RELU), masked="positions")
  add(f"{name}, three axes", make(3, 2, 1, 2, strides=[1, 2, 1], biasStd=0.1), VOLUME)
  add(f"{name}, strides above the window", make(3, 2, 1, strides=[3, 2], padding="same"))
  add(f"{name}, some channels masked", serial(make(3, 2, 2, biasStd=0.2), ERF), masked="some channels")
  add(f"{name} standard", serial(make(3, 2, 2, parameterization="standard", weightStd=1.3, biasStd=0.2)))
  if name != "convLocal":
    add(
      f"{name} standard with scales",
      serial(
        make(3, 2, 2, parameterization="standard", widthScales=[1, 3], weightStd=1.3, biasStd=0.2),
        RELU,
        make(2, 2, 1, parameterization="standard", widthScales=[3, 1], biasStd=0.4),
      ),
    )
  add(f"{name} without axes", make(3, biasStd=0.4), (3, 4))
  for numbers, shape in [
    (("NCHW", "OIHW", "NCHW"), (2, 2, 4, 3)),
    (("NHWC", "WHIO", "NHWC"), IMAGE),
    (("NHWC", "HWIO", "NCHW"), IMAGE),
    (("CHWN", "IWOH", "NWCH"), (2, 4, 3, 2)),
  ]:
    if name == "convLocal" and numbers[1] == "IWOH":
      continue
    arguments = {"strides": [1, 2], "dimensionNumbers": list(numbers), "biasStd": 0.3}
    add(f"{name} {'/'.join(numbers)}", make(3, 3, 2, **arguments), shape)

for name, extra in [("averagePool", {}), ("averagePool", {"normalizeEdges": True}), ("sumPool", {})]:
  title = name + (" normalised" if extra else "")
  for padding in ("valid", "same", "circular"):
    pool = layer(name, window=[3, 2], strides=[2, 1], padding=padding, **extra)
    add(f"{title} {padding}", serial(dense(3), pool, RELU))
    if padding != "circular":
      add(f"{title} {padding}, masked", serial(dense(3, biasStd=0.5), pool, ERF), masked="positions")
  add(
    f"{title}, channels first",
    serial(dense(3, channelAxis=1), layer(name, window=[2, 3], channelAxis=1, **extra)),
    (2, 2, 4, 3),
  )
for name in ("globalAveragePool", "globalSumPool"):
  add(name, serial(conv(3, 2, 2), RELU, layer(name), dense(2)))
  add(f"{name}, masked", serial(dense(3, biasStd=0.5), ERF, layer(name), dense(2)), masked="positions")
  add(
    f"{name}, batch 2, channels 1",
    serial(dense(3, batchAxis=2, channelAxis=1), layer(name, batchAxis=2, channelAxis=1)),
    (4, 2, 2, 3),
  )
add("flatten", serial(conv(3, 2, 2), RELU, layer("flatten"), dense(2)))
add("flatten, masked", serial(dense(3, biasStd=0.5), ERF, layer("flatten"), dense(2)), masked="positions")
add("flatten, batch out 1", serial(dense(3), layer("flatten", batchAxisOut=1), dense(2, batchAxis=1, channelAxis=0)))
add(
  "flatten, batch 2",
  serial(dense(3, batchAxis=2, channelAxis=1), layer("flatten", batchAxis=2), dense(2)),
  (4, 2, 2, 3),
)
for axes in ([-1], [1, 3], [2, 3], [1, 2, 3], [0, 3], [0, 1, 2, 3]):
  add(f"layerNorm {axes}", serial(conv(4, 2, 1, biasStd=0.3), layer("layerNorm", axes=axes), ERF))
add("layerNorm, epsilon", serial(conv(4, 2, 1), layer("layerNorm", axes=[2, 3], epsilon=0.3), ERF))
add("layerNorm, masked", serial(dense(4), layer("layerNorm"), RELU), masked="positions")
add(
  "layerNorm, channels first",
  serial(dense(4, channelAxis=1), layer("layerNorm", axes=[1, 2], channelAxis=1)),
  (2, 2, 4, 3),
)
for method in ("nearest", "linear"):
  for antialias in (True, False):
    resize = layer("imageResize", shape=[-1, 2, 5, -1], method=method, antialias=antialias)
    add(f"imageResize {method} antialias {antialias}", serial(dense(3), resize))
    title = f"imageResize {method} antialias {antialias}, masked"
    add(title, serial(dense(3, biasStd=0.5), resize), masked="positions")
for method in ("cubic", "lanczos3", "lanczos5"):
  add(f"imageResize {method}", layer("imageResize", shape=[-1, 2, 5, -1], method=method))
for ranges in ([":", "1:", "::-2", ":"], [":", 1, ":"], [":", -1, 0, ":"], ["1:", "::2", ":", ":"]):
  add(f"index {ranges}", serial(dense(3), layer("index", ranges=ranges), RELU))
add("index, masked", serial(dense(3, biasStd=0.5), layer("index", ranges=[":", "1:", 1]), ERF), masked="positions")
A = lambda *shape: np.round(np.sin(1.3 * np.arange(math.prod(shape)) + 0.4), 3).reshape(shape).tolist()
for title, arguments in [
  ("rhs over height", {"rhs": A(4, 2), "contracting": [[1], [0]]}),
  ("lhs over width", {"lhs": A(5, 3), "contracting": [[1], [2]]}),
  ("rhs over both, new axis", {"rhs": A(3, 2, 4), "contracting": [[1, 2], [2, 0]]}),
  ("rhs number", {"rhs": 1.7}),
  ("rhs along height", {"rhs": A(4), "batch": [[1], [0]]}),
  ("lhs along the batch", {"lhs": A(2, 3, 2), "contracting": [[1], [2]], "batch": [[0], [0]]}),
]:
  add(f"dotGeneral {title}", serial(dense(3), layer("dotGeneral", **arguments), RELU))
add(
  "dotGeneral, masked",
  serial(dense(3, biasStd=0.5), layer("dotGeneral", rhs=A(4, 2), contracting=[[1], [0]])),
  masked="positions",
)
for implementation, make in [("dense", dense_pattern), ("sparse", lambda n, s, seed: sparse_pattern(n, 7, s, seed))]:
  for axes in (None, [1], [2], [1, 2]):
    sizes = [4, 3] if axes is None else [(4, 3)[axis - 1] for axis in axes]
    arguments = {"implementation": implementation} | ({} if axes is None else {"axes": axes})
    graph = layer("aggregate", **arguments)
    add(f"aggregate {implementation} {axes}", serial(dense(3), graph, ERF), pattern=make(2, sizes, 1))
  graph = layer("aggregate", implementation=implementation)
  add(
    f"aggregate {implementation}, masked",
    serial(dense(3, biasStd=0.5), graph, ERF),
    masked="positions",
    pattern=make(2, [4, 3], 2),
  )
  add(f"aggregate {implementation} without a pattern", serial(dense(3), graph, ERF))


def attention(**arguments):
  return layer("globalSelfAttention", outputChannels=3, keyChannels=4, valueChannels=2, heads=3, **arguments)


STDS = {"weightKeyStd": 1.1, "weightValueStd": 0.9, "weightQueryStd": 0.8, "weightOutStd": 1.2}
for mechanism in ("softmax", "identity", "abs", "relu"):
  for linear in (True, False):
    scaled = {"attentionMechanism": mechanism, "linearScaling": linear}
    title = f"attention {mechanism} {'linear' if linear else 'root'}"
    add(title, serial(dense(3), attention(**scaled, **STDS, biasStd=0.3)))
    add(f"{title}, masked", serial(dense(3), attention(**scaled, **STDS, biasStd=0.3), ERF), masked="positions")
for embedding in [
  {"positionalEmbedding": "sum"},
  {"positionalEmbedding": "sum", "positionalDecay": "linear", "valuePositionalEmbedding": True},
  {"positionalEmbedding": "sum", "positionalDecay": "exponential", "positionalNorm": 1},
  {"positionalEmbedding": "concat"},
  {"positionalEmbedding": "concat", "positionalChannels": 5, "positionalDecay": "linear"},
  {"positionalEmbedding": "concat", "positionalChannels": 2, "valuePositionalEmbedding": True},
]:
  described = ", ".join(f"{key} {value}" for key, value in embedding.items())
  for linear in (True, False):
    network = serial(dense(3), attention(linearScaling=linear, weightPositionalStd=0.7, biasStd=0.2, **embedding))
    add(f"attention, {described}, linear {linear}", network)
add("attention, masked embedding", serial(dense(3), attention(positionalEmbedding="sum", weightPositionalStd=0.7)),
    masked="positions")
add("attention without bias", attention(), LINE)
add("attention, channels first", serial(dense(3, channelAxis=1), attention(channelAxis=1, biasStd=0.2)), (2, 2, 3, 2))

TWO = layer("fanOut", count=2)
FANS = [("fanInSum", {}), ("fanInProduct", {}), *[("fanInConcat", {"axis": axis}) for axis in (0, 1, 2, -1)]]
for name, arguments in FANS:
  fan = layer(name, **arguments)
  branches = parallel(serial(RELU, conv(3, 2, 1, padding="same")), dense(3, biasStd=0.3))
  title = " ".join([name, *map(str, arguments.values())])
  add(title, serial(dense(3), TWO, branches, fan, dense(2)))
  add(f"{title}, masked", serial(dense(3), TWO, branches, fan, ERF), masked="positions")
drop = layer("dropout", keepRate=0.6)
add("dropout on images", serial(conv(3, 2, 2), RELU, drop, dense(2)), apply_key=5)
add("dropout, masked", serial(dense(3, biasStd=0.5), ERF, drop, dense(2)), masked="positions", apply_key=6)
add(
  "dropout in branches",
  serial(conv(3, 2, 2), TWO, parallel(serial(RELU, drop), serial(ERF, drop)), layer("fanInSum"), layer("flatten")),
  apply_key=7,
)
block = serial(RELU, conv(3, 3, 2, padding="same"))
add("repeat of a convolution", serial(dense(3), layer("repeat", layer=block, count=3)))
for name, arguments in [("cos", {}), ("gaussian", {}), ("sigmoidLike", {}), ("monomial", {"degree": 0}), ("gelu", {})]:
  phi = layer(name, **arguments)
  add(f"{name}, masked", serial(dense(3, biasStd=0.4), phi, layer("globalSumPool")), masked="positions")
add(
  "small residual network",
  serial(
    conv(4, 3, 3, padding="same"),
    TWO,
    parallel(serial(RELU, conv(4, 3, 3, padding="same", biasStd=0.1)), layer("identity")),
    layer("fanInSum"),
    RELU,
    layer("averagePool", window=[2, 2], padding="same"),
    layer("flatten"),
    dense(2),
  ),
)
