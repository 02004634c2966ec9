"""Pools, flattening, normalisation, dropout, dense layers on images: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
LINES, IMAGES, SMALLS = (LINE1, LINE2), (IMAGE1, IMAGE2), (SMALL1, SMALL2)
POOLS = [("averagePool", {}), ("averagePool", {"normalizeEdges": True}), ("sumPool", {})]
DENSE = dense(4, weightStd=1.3, biasStd=0.2)

for name, extra in POOLS:
  title = name + (" normalised" if extra else "")
  for padding in ("valid", "same", "circular"):
    for window, stride in [(2, 1), (3, 1), (2, 2), (3, 2)]:
      pool = layer(name, window=[window], strides=[stride], padding=padding, **extra)
      add(f"{title} {window} stride {stride} {padding}", pooled(DENSE, pool, RELU), LINES)
    for window, strides in [((3, 2), (1, 1)), ((2, 3), (2, 1)), ((2, 2), (1, 2))]:
      pool = layer(name, window=list(window), strides=list(strides), padding=padding, **extra)
      add(f"{title} {window} strides {strides} {padding}, flattened", head(DENSE, pool, ERF))
    some = layer(name, window=[3, 2], padding=padding, **extra)
    add(f"{title} {padding} after a convolution", pooled(conv(4, 2, 1, padding="same", biasStd=0.2), some, RELU))
    add(f"{title} {padding}, full", serial(conv(4, 2, 1), RELU, layer(name, window=[2, 1], padding=padding, **extra)))
    add(f"{title} {padding}, masked", pooled(DENSE, some, RELU), masked="positions")
    add(f"{title} {padding}, masked, full", serial(DENSE, some), SMALLS, masked="positions")
  add(f"{title} on three axes", pooled(DENSE, layer(name, window=[2, 1, 2], **extra), ERF), (VOLUME1, VOLUME2))
  add(f"{title} first", pooled(layer(name, window=[2, 2], **extra), DENSE, RELU))
  add(
    f"{title}, channels first",
    serial(
      dense(4, channelAxis=1),
      layer(name, window=[3, 2], channelAxis=1, **extra),
      RELU,
      layer("flatten"),
      dense(1),
    ),
    ((2, 2, 4, 3), (3, 2, 4, 3)),
    channel=1,
  )
  add(
    f"{title}, batch last",
    serial(dense(4, batchAxis=-1, channelAxis=0), layer(name, window=[3, 2], batchAxis=-1, channelAxis=0, **extra)),
    ((2, 4, 3, 2), (2, 4, 3, 1)),
    batch=-1,
    channel=0,
  )

for name in ("globalAveragePool", "globalSumPool"):
  last = layer(name)
  for shapes, title in [(LINES, "a line"), (IMAGES, "images"), ((VOLUME1, VOLUME2), "volumes")]:
    add(f"{name} of {title}", serial(DENSE, RELU, last, dense(1)), shapes)
  add(f"{name} without axes", serial(DENSE, RELU, last, dense(1)), ((3, 4), (2, 4)))
  add(f"{name} first", serial(last, DENSE, RELU, dense(1)))
  add(f"{name} last, symmetric", serial(conv(4, 3, 2), RELU, last), (IMAGE1, None))
  add(f"{name} masked", serial(DENSE, RELU, last, dense(1)), masked="positions")
  add(f"{name} masked after a convolution", serial(conv(4, 2, 2, padding="same", biasStd=0.3), ERF, last, dense(1)),
      masked="some channels")
  add(f"{name} after convLocal", serial(conv_local(4, 2, 2, biasStd=0.3), last, dense(1)))
  add(f"{name} then an activation", serial(DENSE, last, ERF, dense(1)))
  add(f"{name} full batch", serial(DENSE, RELU, last), full_batch=True)
  for batch, channel, x1, x2 in [(0, 1, (2, 3, 4, 2), (3, 3, 4, 2)), (3, 0, (3, 4, 2, 2), (3, 4, 2, 3)),
                                 (1, 3, (4, 2, 3, 2), (4, 1, 3, 2)), (2, 1, (4, 3, 2, 2), (4, 3, 3, 2))]:
    axes = {"batchAxis": batch, "channelAxis": channel}
    out = {"batchAxis": 0, "channelAxis": 1} if batch < channel else {"batchAxis": 1, "channelAxis": 0}
    add(
      f"{name}, batch {batch}, channels {channel}",
      serial(dense(4, biasStd=0.2, **axes), RELU, layer(name, **axes), dense(1, **out)),
      (x1, x2),
      batch=batch,
      channel=channel,
    )
    add(
      f"{name}, batch {batch}, channels {channel}, masked",
      serial(dense(4, biasStd=0.2, **axes), RELU, layer(name, **axes), dense(1, **out)),
      (x1, x2),
      masked="positions",
      batch=batch,
      channel=channel,
    )

# Flattening.
add("flatten first", serial(layer("flatten"), DENSE, RELU, dense(1)))
add("flatten first, symmetric", serial(layer("flatten"), DENSE, ERF, dense(1)), (IMAGE1, None))
add("flatten first, masked", serial(layer("flatten"), DENSE, ERF, dense(1)), masked="some channels")
add("flatten last", serial(conv(4, 3, 2), RELU, layer("flatten")))
add("flatten, full batch", serial(conv(4, 3, 2), RELU, layer("flatten")), full_batch=True)
add("flatten masked", head(DENSE, RELU), masked="positions")
add("flatten masked, cosine", head(conv(4, 2, 2, biasStd=0.2), layer("cos")), masked="positions")
add("flatten then standard", serial(DENSE, RELU, layer("flatten"), dense(1, parameterization="standard", biasStd=0.1)))
add("flatten twice", serial(DENSE, layer("flatten"), DENSE, RELU, layer("flatten"), dense(1)))
for batch, channel, x1, x2 in [(0, 1, (2, 3, 4, 2), (3, 3, 4, 2)), (3, 0, (3, 4, 2, 2), (3, 4, 2, 3)),
                               (1, 2, (4, 2, 3, 2), (4, 1, 3, 2))]:
  for out in (0, 1):
    axes = {"batchAxis": batch, "channelAxis": channel}
    layers = [dense(4, **axes), RELU, layer("flatten", batchAxis=batch, batchAxisOut=out)]
    layers.append(dense(1, batchAxis=out, channelAxis=1 - out))
    add(f"flatten, batch {batch} to {out}", serial(*layers), (x1, x2), batch=batch, channel=channel)
    add(
      f"flatten, batch {batch} to {out}, masked",
      serial(*layers),
      (x1, x2),
      masked="positions",
      batch=batch,
      channel=channel,
    )
add(
  "flatten first, batch 1",
  serial(layer("flatten", batchAxis=1), DENSE, RELU, dense(1)),
  ((4, 2, 3), (4, 3, 3)),
  batch=1,
)

# Normalisation over every subset of axes that has the channels.
for axes in ([-1], [3], [1, -1], [2, 3], [1, 2, 3], [0, 3], [0, 1, 3], [0, 1, 2, 3]):
  add(f"layerNorm {axes}", pooled(DENSE, layer("layerNorm", axes=axes), RELU))
  add(f"layerNorm {axes} after a convolution, epsilon",
      head(conv(4, 2, 1, biasStd=0.2), layer("layerNorm", axes=axes, epsilon=0.1), ERF))
  add(f"layerNorm {axes}, full", serial(conv(4, 2, 2), layer("layerNorm", axes=axes)), SMALLS)
  add(f"layerNorm {axes}, masked", pooled(DENSE, layer("layerNorm", axes=axes), ERF), masked="positions")
add("layerNorm, diagonal", serial(conv(4, 2, 2), layer("layerNorm", axes=[1, 3]), GELU), diagonal=True)
add("layerNorm, symmetric", pooled(DENSE, layer("layerNorm", axes=[2, 3]), GELU), (IMAGE1, None))
add("layerNorm over the batch, full batch", serial(DENSE, layer("layerNorm", axes=[0, 3])), SMALLS, full_batch=True)
add("layerNorm, hermite", pooled(conv(4, 2, 2), layer("layerNorm"), layer("hermite", degree=3)))
add(
  "layerNorm, channels first",
  serial(dense(4, channelAxis=1), layer("layerNorm", axes=[1, 3], channelAxis=1), RELU, layer("flatten"), dense(1)),
  ((2, 2, 4, 3), (3, 2, 4, 3)),
  channel=1,
)
for masked in (None, "positions"):
  add(
    "layerNorm, batch 2" + (", masked" if masked else ""),
    serial(dense(4, batchAxis=2, channelAxis=0), layer("layerNorm", axes=[0, 1], batchAxis=2, channelAxis=0), ERF),
    ((2, 3, 2, 2), (2, 3, 1, 2)),
    masked=masked,
    batch=2,
    channel=0,
  )

# Dropout: the same units only for the same inputs.
for mode in ("train", "test"):
  for title, shapes in [("symmetric", (IMAGE1, None)), ("two data sets", IMAGES)]:
    drop = layer("dropout", keepRate=0.7, mode=mode)
    add(f"dropout {mode}, {title}, pooled", pooled(DENSE, RELU, drop), shapes)
    add(f"dropout {mode}, {title}, flattened", head(DENSE, RELU, drop), shapes)
    add(f"dropout {mode}, {title}, deep",
        pooled(conv(4, 2, 2), RELU, drop, conv(4, 2, 1, biasStd=0.2), ERF, layer("dropout", keepRate=0.5)), shapes)
add("dropout, full", serial(DENSE, RELU, layer("dropout", keepRate=0.4)), (SMALL1, None))
add("dropout, full batch", serial(DENSE, RELU, layer("dropout", keepRate=0.4)), SMALLS, full_batch=True)
add("dropout, diagonal", serial(DENSE, RELU, layer("dropout", keepRate=0.4)), (SMALL1, None), diagonal=True)
add("dropout, masked", pooled(DENSE, ERF, layer("dropout", keepRate=0.4), DENSE, RELU), (IMAGE1, None),
    masked="positions")

# Dense layers keep the positions.
for parameterization in ("ntk", "standard"):
  same = {"parameterization": parameterization, "weightStd": 1.3, "biasStd": 0.2}
  add(f"dense {parameterization}, full", serial(dense(4, **same), RELU, dense(3, **same)), SMALLS)
  add(f"dense {parameterization}, diagonal", serial(dense(4, **same), RELU, dense(3, **same)), diagonal=True)
  add(f"dense {parameterization}, masked", serial(dense(4, **same), ERF, dense(3, **same)), SMALLS,
      masked="some channels")
add("identity, masked", serial(layer("identity"), DENSE, layer("identity"), RELU), SMALLS, masked="positions")
