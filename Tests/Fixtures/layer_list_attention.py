"""Global self-attention: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
LINES, IMAGES, SMALLS = (LINE1, LINE2), (IMAGE1, IMAGE2), (SMALL1, SMALL2)
DENSE = dense(4, weightStd=1.3, biasStd=0.2)
STDS = {"weightKeyStd": 1.1, "weightValueStd": 0.9, "weightQueryStd": 0.8, "weightOutStd": 1.2, "biasStd": 0.3}


def attention(**arguments):
  return layer("globalSelfAttention", outputChannels=4, keyChannels=3, valueChannels=2, heads=2, **arguments)


EMBEDDINGS = [{}]
for kind in ("sum", "concat"):
  for decay in (None, "linear", "exponential"):
    for values in (False, True):
      embedding = {"positionalEmbedding": kind, "weightPositionalStd": 0.7, "valuePositionalEmbedding": values}
      EMBEDDINGS.append(embedding | ({} if decay is None else {"positionalDecay": decay}))

# Every mechanism with every positional embedding.
for mechanism, linear in [("softmax", True), ("identity", True), ("abs", True), ("relu", True), ("identity", False)]:
  for number, embedding in enumerate(EMBEDDINGS):
    arguments = {"attentionMechanism": mechanism, "linearScaling": linear, **STDS, **embedding}
    described = ", ".join(f"{key} {value}" for key, value in embedding.items() if key != "weightPositionalStd")
    title = f"attention {mechanism}{'' if linear else ' not linear'}{', ' if described else ''}{described}"
    layers = [DENSE, attention(**arguments), RELU]
    add(title, pooled(*layers) if number % 2 else head(*layers))
  base = {"attentionMechanism": mechanism, "linearScaling": linear, **STDS}
  title = f"attention {mechanism}{'' if linear else ' not linear'}"
  position = {"positionalEmbedding": "sum", "positionalDecay": "linear", "weightPositionalStd": 0.7}
  add(f"{title}, full", serial(DENSE, attention(**base)), SMALLS)
  add(f"{title}, full batch", serial(DENSE, attention(**base), RELU), SMALLS, full_batch=True)
  add(f"{title} of a line, symmetric", pooled(DENSE, attention(**base), ERF), (LINE1, None))
  add(f"{title}, masked", pooled(DENSE, attention(**base), ERF), masked="positions")
  add(f"{title}, masked, embedding", pooled(DENSE, attention(**base, **position), RELU), masked="positions")
  add(f"{title}, masked, full", serial(DENSE, attention(**base, **position)), SMALLS, masked="positions")
  add(
    f"{title} after a convolution",
    head(conv(4, 2, 1, biasStd=0.2), RELU, attention(**base, **position), RELU, dense(4), attention(**base), ERF),
  )
  add(f"{title} first", pooled(attention(**base), RELU))

# The arguments one by one.
SOFTMAX = {"attentionMechanism": "softmax"}
add("attention, defaults", pooled(DENSE, attention(), RELU))
for key in ("weightKeyStd", "weightValueStd", "weightQueryStd", "weightOutStd", "biasStd"):
  add(f"attention {key}", pooled(DENSE, attention(**{key: 0.6}), RELU))
for norm in (1, 2, 3):
  for kind in ("sum", "concat"):
    for linear, mechanism in ((True, "softmax"), (False, "identity")):
      embedding = {"positionalEmbedding": kind, "positionalNorm": norm, "positionalDecay": "exponential"}
      add(
        f"attention {mechanism}, {kind}, norm {norm}",
        pooled(DENSE, attention(attentionMechanism=mechanism, linearScaling=linear, **embedding), RELU),
      )
for channels in (1, 3, 9):
  for linear, mechanism in ((True, "softmax"), (True, "relu"), (False, "identity")):
    embedding = {"positionalEmbedding": "concat", "positionalChannels": channels, "positionalDecay": "linear"}
    add(
      f"attention {mechanism}, {channels} positional channels",
      pooled(
        DENSE,
        attention(attentionMechanism=mechanism, linearScaling=linear, valuePositionalEmbedding=channels == 3,
                  **embedding),
        RELU,
      ),
    )
add(
  "attention on three axes",
  pooled(DENSE, attention(positionalEmbedding="sum", positionalDecay="linear", **STDS), RELU),
  (VOLUME1, VOLUME2),
)
add("attention without axes", serial(DENSE, attention(**STDS), RELU, dense(1)), ((3, 4), (2, 4)))
for batch, channel, x1, x2 in [(0, 1, (2, 2, 3, 2), (1, 2, 3, 2)), (3, 0, (2, 3, 2, 2), (2, 3, 2, 1)),
                               (1, 3, (3, 2, 2, 2), (3, 1, 2, 2))]:
  axes = {"batchAxis": batch, "channelAxis": channel}
  embedding = {"positionalEmbedding": "concat", "positionalDecay": "linear", "valuePositionalEmbedding": True}
  for masked in (None, "positions"):
    add(
      f"attention, batch {batch}, channels {channel}{', masked' if masked else ''}",
      serial(dense(4, **axes), attention(**STDS, **embedding, **axes), ERF),
      (x1, x2),
      masked=masked,
      batch=batch,
      channel=channel,
    )
for mechanism in ("softmax", "identity", "relu"):
  add(
    f"causal attention {mechanism}",
    serial(DENSE, attention(causal=True, attentionMechanism=mechanism, **STDS), RELU),
    ((2, 4, 3), (2, 4, 3)),
  )
add(
  "causal attention, masked, embedding",
  serial(DENSE, attention(causal=True, positionalEmbedding="sum", positionalDecay="linear", **STDS), ERF),
  ((2, 4, 3), (2, 4, 3)),
  masked="positions",
)
