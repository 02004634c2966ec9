"""Resizing, indexing, constant products, graphs: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
LINES, IMAGES, SMALLS = (LINE1, LINE2), (IMAGE1, IMAGE2), (SMALL1, SMALL2)
DENSE = dense(4, weightStd=1.3, biasStd=0.2)
CONV = conv(4, 2, 1, weightStd=1.2, biasStd=0.2)

# Resizing.
for method in ("nearest", "linear"):
  for antialias in (True, False):
    for shape in ([-1, 2, 5, -1], [-1, 3, -1, -1], [-1, 1, 2, -1], [-1, 7, 3, -1]):
      resize = layer("imageResize", shape=shape, method=method, antialias=antialias)
      add(f"imageResize {method} {shape} antialias {antialias}", pooled(DENSE, resize, RELU))
    resize = layer("imageResize", shape=[-1, 2, 3, -1], method=method, antialias=antialias)
    title = f"imageResize {method} antialias {antialias}"
    add(f"{title}, full", serial(DENSE, resize), SMALLS)
    add(f"{title}, masked", pooled(DENSE, resize, ERF), masked="positions")
    add(f"{title}, masked, full", serial(DENSE, resize), SMALLS, masked="positions")
    add(f"{title}, flattened", head(DENSE, resize, RELU), (IMAGE1, None))
    add(f"{title} after a convolution", pooled(CONV, resize, RELU))
    add(f"{title} after two convolutions", pooled(CONV, RELU, conv(4, 1, 2), resize, RELU))
    add(f"{title} of a line", head(DENSE, layer("imageResize", shape=[-1, 3, -1], method=method,
                                                antialias=antialias), RELU), LINES)
  add(
    f"imageResize {method} of the batch",
    serial(DENSE, layer("imageResize", shape=[3, 2, 2, -1], method=method)),
    full_batch=True,
  )
  add(
    f"imageResize {method}, channels first",
    serial(
      dense(4, channelAxis=1),
      layer("imageResize", shape=[-1, -1, 2, 5], method=method, channelAxis=1),
      RELU,
      layer("globalAveragePool", channelAxis=1),
      dense(1),
    ),
    ((2, 2, 4, 3), (3, 2, 4, 3)),
    channel=1,
  )
add("imageResize of nothing", head(DENSE, layer("imageResize", shape=[-1] * 4, method="linear"), RELU))
for method in ("bilinear", "triangle"):
  add(f"imageResize {method}", head(DENSE, layer("imageResize", shape=[-1, 2, 2, -1], method=method), RELU))
add("imageResize trilinear", head(DENSE, layer("imageResize", shape=[-1, 2, 3, 2, -1], method="trilinear"), RELU),
    (VOLUME1, VOLUME2))

# Indexing.
EXPRESSIONS = [
  [":", ":", ":", ":"],
  [":", "1:", "::-2", ":"],
  [":", "1:3"],
  [":", "::2", ":2", ":"],
  [":", 1, ":", ":"],
  [":", ":", 2, ":"],
  [":", -1, 0, ":"],
  [":", "-2:", -1, ":"],
  [":", 2, "::-1"],
  ["1:", ":", "1:", ":"],
  [":1", 3, "1:2", ":"],
  ["::-1", "::-1", ":", ":"],
  [":", "3:0:-2", ":"],
]
for ranges in EXPRESSIONS:
  index = layer("index", ranges=ranges)
  add(f"index {ranges}, pooled", pooled(DENSE, index, RELU))
  add(f"index {ranges} after a convolution, flattened", head(conv(4, 1, 2, padding="same", biasStd=0.2), RELU, index))
  add(f"index {ranges}, masked", pooled(DENSE, index, ERF), masked="positions")
for ranges in ([":", "1:", "::-2", ":"], [":", 1, ":", ":"], ["1:", "::2", ":", ":"], [":", -1, 0]):
  index = layer("index", ranges=ranges)
  add(f"index {ranges}, full", serial(CONV, RELU, index))
  add(f"index {ranges}, diagonal", serial(CONV, RELU, index), diagonal=True)
  add(f"index {ranges}, full batch", serial(DENSE, index), full_batch=True)
  add(f"index {ranges} first", pooled(index, dense(3), RELU) if len(ranges) == 4 else serial(index, dense(3), RELU))
add(
  "index, batch 1, channels 0",
  serial(
    dense(4, batchAxis=1, channelAxis=0),
    layer("index", ranges=[":", ":", 1, "::2"], batchAxis=1, channelAxis=0),
    RELU,
  ),
  ((2, 2, 3, 3), (2, 1, 3, 3)),
  batch=1,
  channel=0,
)
add(
  "index before the batch axis",
  serial(
    dense(4, batchAxis=2, channelAxis=1),
    layer("index", ranges=[2, ":", ":", "1:"], batchAxis=2, channelAxis=1),
    RELU,
    dense(2, batchAxis=1, channelAxis=0),
  ),
  ((4, 2, 2, 3), (4, 2, 1, 3)),
  batch=2,
  channel=1,
)

# Constant products: x is (2, 4, 3, channels).
A = lambda *shape: np.round(np.sin(1.3 * np.arange(math.prod(shape)) + 0.4), 3).reshape(shape).tolist()
PRODUCTS = [
  ("rhs over height", {"rhs": A(4, 2), "contracting": [[1], [0]]}),
  ("lhs over height", {"lhs": A(2, 4), "contracting": [[1], [1]]}),
  ("rhs over width", {"rhs": A(3, 2), "contracting": [[2], [0]]}),
  ("lhs over width", {"lhs": A(3, 2), "contracting": [[0], [2]]}),
  ("rhs over both", {"rhs": A(4, 3), "contracting": [[1, 2], [0, 1]]}),
  ("rhs over both, new axes", {"rhs": A(3, 2, 4), "contracting": [[1, 2], [2, 0]]}),
  ("lhs over both, new axis", {"lhs": A(4, 2, 3), "contracting": [[0, 2], [1, 2]]}),
  ("rhs number", {"rhs": 1.7}),
  ("lhs number", {"lhs": -0.6}),
  ("rhs vector along height", {"rhs": A(4), "batch": [[1], [0]]}),
  ("lhs vector along width", {"lhs": A(3), "batch": [[0], [2]]}),
  ("rhs batch height, new axis", {"rhs": A(4, 2), "batch": [[1], [0]]}),
  ("rhs batch height, contract width", {"rhs": A(4, 3, 2), "contracting": [[2], [1]], "batch": [[1], [0]]}),
  ("lhs batch both", {"lhs": A(3, 4), "batch": [[1, 0], [1, 2]]}),
  ("rhs along the batch", {"rhs": A(2), "batch": [[0], [0]]}),
  ("lhs along the batch, over width", {"lhs": A(2, 3, 2), "contracting": [[1], [2]], "batch": [[0], [0]]}),
  ("rhs new axes", {"rhs": A(2, 1)}),
]


def product_axes(a, rank=4, batch=0, channel=3):
  """Where batch and channels are afterwards."""
  side = 1 if "lhs" in a else 0
  contracted, paired = (list(a.get(key, [[], []])[side]) for key in ("contracting", "batch"))
  constant = np.ndim(a.get("lhs", a.get("rhs")))
  new = constant - len(contracted) - len(paired)
  rest = [axis for axis in range(rank) if axis not in contracted and axis not in paired]
  order = paired + ([None] * new + rest if "lhs" in a else rest + [None] * new)
  return {"batchAxis": order.index(batch), "channelAxis": order.index(channel)}, len(order)


for title, arguments in PRODUCTS:
  after, rank = product_axes(arguments)
  out = {"batchAxis": 0, "channelAxis": 1} if after["batchAxis"] < after["channelAxis"] else {
    "batchAxis": 1, "channelAxis": 0}
  product = layer("dotGeneral", **arguments)
  read = [layer("globalAveragePool", **after), dense(1, **out)]
  add(f"dotGeneral {title}, pooled", serial(DENSE, product, RELU, *read))
  add(f"dotGeneral {title} after a convolution, full",
      serial(conv(4, 1, 2, padding="same", biasStd=0.2), product), ((2, 4, 3, 2), None))
  add(f"dotGeneral {title}, masked", serial(DENSE, product, ERF, *read), masked="positions")
for title, arguments in PRODUCTS[7:12]:
  add(f"dotGeneral {title}, diagonal", serial(DENSE, layer("dotGeneral", **arguments), RELU), diagonal=True)
  add(f"dotGeneral {title} first", serial(layer("dotGeneral", **arguments), dense(3, **product_axes(arguments)[0])))
add("dotGeneral, full batch", serial(DENSE, layer("dotGeneral", rhs=A(4, 2), contracting=[[1], [0]])), full_batch=True)
add(
  "dotGeneral, batch 1, channels 0",
  serial(
    dense(4, batchAxis=1, channelAxis=0),
    layer("dotGeneral", rhs=A(3, 2), contracting=[[2], [0]], batchAxis=1, channelAxis=0),
  ),
  ((2, 2, 3, 3), (2, 1, 3, 3)),
  batch=1,
  channel=0,
)

# Graphs. Other patterns for the second data set.
GRAPHS = [("a line", LINES, [1]), ("images", IMAGES, None), ("images", IMAGES, [1]), ("images", IMAGES, [2]),
          ("images", IMAGES, [2, 1]), ("images", IMAGES, [-2])]
for implementation in ("dense", "sparse"):
  for title, shapes, axes in GRAPHS:
    arguments = {"implementation": implementation} | ({} if axes is None else {"axes": axes})
    graph = layer("aggregate", **arguments)
    spatial = shapes[0][1:-1]
    over = range(len(spatial)) if axes is None else sorted({axis % len(shapes[0]) - 1 for axis in axes})
    sizes = [spatial[axis] for axis in over]
    make = dense_pattern if implementation == "dense" else lambda n, s, seed: sparse_pattern(n, 9, s, int(seed))
    patterns = (make(shapes[0][0], sizes, 1), make(shapes[1][0], sizes, 2))
    described = f"aggregate {implementation}, {title}, axes {axes}"
    add(f"{described}, pooled", pooled(DENSE, graph, RELU), shapes, patterns=patterns)
    add(f"{described}, flattened, twice", head(DENSE, graph, RELU, DENSE, graph, ERF), shapes, patterns=patterns)
    add(f"{described} after a convolution",
        pooled(conv(4, *[2] * len(spatial), padding="same", biasStd=0.2), graph, RELU), shapes, patterns=patterns)
    add(f"{described}, masked", pooled(DENSE, graph, ERF), shapes, patterns=patterns, masked="positions")
    add(f"{described}, symmetric", pooled(DENSE, RELU, graph, dense(3), ERF), (shapes[0], None),
        patterns=(patterns[0], patterns[0]))
  small = dense_pattern if implementation == "dense" else lambda n, s, seed: sparse_pattern(n, 5, s, int(seed))
  patterns = (small(2, [3, 2], 1), small(1, [3, 2], 2))
  graph = layer("aggregate", implementation=implementation)
  add(f"aggregate {implementation}, full", serial(DENSE, graph, RELU), SMALLS, patterns=patterns)
  add(f"aggregate {implementation}, full batch", serial(DENSE, graph), SMALLS, patterns=patterns, full_batch=True)
  add(
    f"aggregate {implementation}, channels first",
    serial(dense(4, channelAxis=1), layer("aggregate", implementation=implementation, channelAxis=1), RELU),
    ((2, 2, 3, 2), (1, 2, 3, 2)),
    patterns=patterns,
    channel=1,
  )
  if implementation == "sparse":
    patterns = (sparse_pattern(2, 5, [3, 2], 1, tails_only=True), sparse_pattern(1, 5, [3, 2], 2, tails_only=True))
    add("aggregate sparse, only tails missing", pooled(DENSE, graph, RELU), SMALLS, patterns=patterns)
