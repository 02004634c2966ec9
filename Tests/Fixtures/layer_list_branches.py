"""Branches, repetition and nesting in networks with positions: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
LINES, IMAGES, SMALLS = (LINE1, LINE2), (IMAGE1, IMAGE2), (SMALL1, SMALL2)
DENSE = dense(4, weightStd=1.3, biasStd=0.2)
CONV = conv(4, 2, 1, padding="same", weightStd=1.2, biasStd=0.2)
TWO, THREE = layer("fanOut", count=2), layer("fanOut", count=3)


def gaussian_branches(channels=(4, 4)):
  """Branches that end in an affine layer and keep the positions."""
  return parallel(
    serial(RELU, conv(channels[0], 3, 2, padding="same", weightStd=1.2, biasStd=0.1)),
    serial(ERF, dense(channels[1], weightStd=0.8)),
  )


FANS = [("fanInSum", {}), ("fanInProduct", {})]
FANS += [("fanInConcat", {"axis": axis}) for axis in (-1, 3, 0, 1, 2, -2)]
for name, arguments in FANS:
  title = " ".join([name, *[str(value) for value in arguments.values()]])
  fan = layer(name, **arguments)
  onto_channels = arguments.get("axis") in (-1, 3)
  after = [DENSE, RELU] if onto_channels or name == "fanInProduct" else [RELU]
  branches = gaussian_branches((3, 5) if onto_channels else (4, 4))
  over_batch = arguments.get("axis") == 0
  add(f"{title}, pooled", pooled(CONV, TWO, branches, fan, *after))
  if arguments.get("axis") not in (1, 2, -2):
    add(f"{title}, flattened", head(CONV, TWO, branches, fan, *after))
  add(f"{title}, one reversed", pooled(CONV, TWO, branches, fan, *after, conv(4, 1, 2, biasStd=0.3), ERF))
  add(f"{title}, symmetric", pooled(DENSE, TWO, branches, fan, *after), (SMALL1, None))
  add(f"{title}, full", serial(DENSE, TWO, branches, fan), SMALLS)
  add(f"{title}, full batch", serial(DENSE, TWO, branches, fan), (SMALL1, None), full_batch=True)
  add(f"{title}, diagonal", serial(DENSE, TWO, branches, fan, *after), diagonal=True)
  add(f"{title}, masked", pooled(DENSE, TWO, branches, fan, *after), masked="positions")
  add(f"{title}, masked, full", serial(DENSE, TWO, branches, fan), SMALLS, masked="positions")
  add(
    f"{title} of three branches",
    pooled(
      CONV,
      THREE,
      parallel(
        serial(RELU, conv(4, 2, 2, padding="circular")),
        serial(ERF, DENSE),
        serial(layer("averagePool", window=[3, 2], padding="same")),
      ),
      fan,
      *after,
    ),
  )
  add(f"{title} of one branch", pooled(CONV, layer("fanOut", count=1), parallel(serial(RELU, DENSE)), fan, *after))
  if not over_batch:
    add(f"{title} at the input", pooled(TWO, parallel(CONV, DENSE), fan, *after))
add(
  "fanInConcat of different heights",
  pooled(
    DENSE,
    TWO,
    parallel(conv(4, 2, 1, biasStd=0.2), serial(RELU, conv(4, 3, 1, padding="same"))),
    layer("fanInConcat", axis=1),
    ERF,
  ),
)
add(
  "fanInConcat of different widths, masked",
  serial(
    DENSE,
    TWO,
    parallel(conv(4, 1, 2, biasStd=0.2), DENSE),
    layer("fanInConcat", axis=2),
    ERF,
  ),
  SMALLS,
  masked="positions",
)
add(
  "fanInConcat, channels first",
  serial(
    dense(4, channelAxis=1),
    TWO,
    parallel(serial(RELU, dense(3, channelAxis=1)), dense(5, channelAxis=1, biasStd=0.4)),
    layer("fanInConcat", axis=1),
    dense(2, channelAxis=1),
  ),
  ((2, 2, 3, 2), (1, 2, 3, 2)),
  channel=1,
)
add(
  "fanInConcat, standard",
  pooled(
    CONV,
    TWO,
    parallel(serial(RELU, conv(3, 2, 1, padding="same")), serial(ERF, dense(5))),
    layer("fanInConcat"),
    conv(4, 2, 2, parameterization="standard", biasStd=0.3),
    RELU,
  ),
)

# Residual blocks, repeated ones, nesting.
block = serial(TWO, parallel(serial(RELU, conv(4, 3, 2, padding="same", biasStd=0.1)), layer("identity")),
               layer("fanInSum"))
deep_block = serial(
  TWO,
  parallel(
    serial(RELU, conv(4, 3, 2, padding="same", biasStd=0.1), ERF, conv(4, 2, 1, padding="same")), layer("identity")
  ),
  layer("fanInSum"),
)
for count in (1, 2, 3):
  add(f"{count} residual blocks", pooled(CONV, *[block] * count, RELU))
  add(f"{count} residual blocks by repeat", pooled(CONV, layer("repeat", layer=deep_block, count=count), RELU))
  add(f"repeat {count} of a convolution", pooled(CONV, layer("repeat", layer=serial(RELU, CONV), count=count), RELU))
  add(f"repeat {count} of a dense layer, full", serial(CONV, layer("repeat", layer=serial(ERF, DENSE), count=count)),
      SMALLS)
add("repeat of nothing", pooled(CONV, layer("repeat", layer=serial(RELU, CONV), count=0), RELU))
add("repeat, masked", pooled(CONV, layer("repeat", layer=serial(ERF, DENSE), count=2), RELU), masked="positions")
attention = layer("globalSelfAttention", outputChannels=4, keyChannels=3, valueChannels=2, heads=2)
add("repeat of attention", pooled(CONV, layer("repeat", layer=serial(ERF, attention), count=2), RELU))
add("repeat of a pool and a norm",
    pooled(CONV, layer("repeat", layer=serial(RELU, DENSE, layer("averagePool", window=[2, 2], padding="same"),
                                              layer("layerNorm")), count=2), RELU))
patterns = (dense_pattern(2, [4, 3], 1), dense_pattern(2, [4, 3], 2))
messages = serial(RELU, DENSE, layer("aggregate"))
add("repeat of aggregation", pooled(DENSE, layer("repeat", layer=messages, count=2), RELU), patterns=patterns)
nested_branches = parallel(
  serial(
    RELU,
    TWO,
    parallel(CONV, serial(DENSE, layer("averagePool", window=[2, 2], padding="same"))),
    layer("fanInSum"),
    ERF,
    DENSE,
  ),
  serial(TWO, parallel(layer("abs"), serial(DENSE, layer("sin"))), layer("fanInProduct"), CONV),
)
for name in ("fanInSum", "fanInProduct", "fanInConcat"):
  add(f"nested parallel, {name}", pooled(CONV, TWO, nested_branches, layer(name), DENSE, RELU))
  add(f"nested parallel, {name}, masked", pooled(CONV, TWO, nested_branches, layer(name), DENSE, RELU),
      masked="positions")
  for last in ("flatten", "globalAveragePool"):
    ends = [serial(RELU, CONV, layer(last), dense(3)), serial(ERF, conv(4, 2, 2), layer(last), dense(3, biasStd=0.2))]
    add(f"{name} after {last}", serial(CONV, TWO, parallel(*ends), layer(name), dense(1)))
    add(f"{name} after {last}, masked", serial(CONV, TWO, parallel(*ends), layer(name), dense(1)), masked="positions")
add(
  "pool and flatten in two branches",
  serial(
    CONV,
    TWO,
    parallel(serial(RELU, layer("flatten"), dense(3)), serial(RELU, layer("globalAveragePool"), dense(3))),
    layer("fanInSum"),
    ERF,
    dense(1),
  ),
)
add(
  "pool of one branch only",
  serial(
    DENSE,
    TWO,
    parallel(serial(layer("averagePool", window=[3, 2], padding="same"), RELU), serial(CONV, RELU)),
    layer("fanInProduct"),
    layer("flatten"),
    dense(1),
  ),
)
drop = layer("dropout", keepRate=0.6)
add(
  "dropout in branches",
  pooled(CONV, TWO, parallel(serial(RELU, drop, CONV), serial(ERF, DENSE)), layer("fanInSum"), RELU),
  (SMALL1, None),
)
