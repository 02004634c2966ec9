"""Convolutions, transposed and unshared ones: the networks of make_layers.py."""

from layer_cases import *

cases = Cases()
add = cases.add
LINES, IMAGES, SMALLS, VOLUMES = (LINE1, LINE2), (IMAGE1, IMAGE2), (SMALL1, SMALL2), (VOLUME1, VOLUME2)
KINDS = [("conv", conv), ("convTranspose", conv_transpose), ("convLocal", conv_local)]
PADDINGS = ("valid", "same", "circular")

for name, make in KINDS:
  for padding in PADDINGS:
    # Every window and stride of one axis, pooled and flattened.
    for window, stride in [(1, 1), (2, 1), (3, 1), (2, 2), (3, 2), (2, 3), (4, 3)]:
      add(
        f"{name} {window} stride {stride} {padding}, pooled",
        pooled(make(4, window, strides=[stride], padding=padding, weightStd=1.4, biasStd=0.2), RELU),
        LINES,
      )
    for window, strides in [((3, 2), (1, 1)), ((2, 3), (2, 1)), ((3, 2), (1, 2)), ((2, 2), (2, 2))]:
      layers = [make(4, *window, strides=list(strides), padding=padding, weightStd=1.3, biasStd=0.1), RELU]
      described = f"{name} {window} strides {strides} {padding}"
      add(f"{described}, pooled", pooled(*layers))
      add(f"{described}, flattened", head(*layers))
    add(f"{name} {padding}, symmetric", pooled(make(4, 3, 2, padding=padding, biasStd=0.2), ERF), (SMALL1, None))
    add(f"{name} {padding}, full", serial(make(4, 2, 1, padding=padding, weightStd=1.2, biasStd=0.3), ERF), SMALLS)
    add(
      f"{name} {padding}, diagonal",
      serial(make(4, 2, 2, padding=padding, weightStd=1.2, biasStd=0.3), RELU),
      diagonal=True,
    )
    add(
      f"{name} {padding}, masked",
      pooled(make(4, 3, 2, padding=padding, weightStd=1.3, biasStd=0.2), ERF),
      masked="positions",
    )
    add(
      f"{name} {padding}, some channels masked, flattened",
      head(make(4, 2, 2, strides=[2, 1], padding=padding, weightStd=1.3, biasStd=0.2), RELU),
      masked="some channels",
    )
    add(
      f"{name} {padding}, masked, full",
      serial(make(4, 3, 1, padding=padding, weightStd=1.3, biasStd=0.2), GELU),
      SMALLS,
      masked="positions",
    )
    add(
      f"{name} {padding}, three axes",
      pooled(make(4, 2, 1, 2, strides=[1, 2, 1], padding=padding, biasStd=0.1), RELU),
      VOLUMES,
    )
  # Without spatial axes, and without a bias.
  add(f"{name} without axes", serial(make(4, biasStd=0.3), RELU, make(1)), ((3, 4), (2, 4)))
  add(f"{name} without bias", pooled(make(4, 3, 2, padding="same", weightStd=1.7)))
  add(f"{name} with zero bias", pooled(make(4, 2, 2, biasStd=0), RELU))
  add(f"{name}, full batch", serial(make(4, 2, 2, biasStd=0.2), RELU), SMALLS, full_batch=True)
  add(
    f"{name}, full batch, diagonal",
    serial(make(4, 2, 2, biasStd=0.2), RELU),
    (SMALL1, None),
    diagonal=True,
    full_batch=True,
  )
  # Parameterisations: the widths matter for the standard one.
  for scales in [((1, 1), (1, 1)), ((1, 4), (4, 1))]:
    for bias in (None, 0, 0.3):
      standard = {"parameterization": "standard", "weightStd": 1.3} | ({} if bias is None else {"biasStd": bias})
      network = pooled(
        make(4, 2, 2, padding="same", widthScales=list(scales[0]), **standard),
        RELU,
        make(3, 2, 1, padding="same", widthScales=list(scales[1]), **standard),
        ERF,
      )
      add(f"{name} standard, scales {scales}, bias {bias}", network, SMALLS)
  # Deeper: two and three layers with windows that are not square.
  add(f"two {name}", pooled(make(4, 3, 2, padding="same"), RELU, make(4, 2, 3, padding="same", biasStd=0.1), RELU))
  add(f"two {name}, flattened", head(make(4, 3, 2, padding="same"), RELU, make(4, 2, 1, strides=[2, 1]), ERF))
  add(
    f"three {name}, full",
    serial(
      make(4, 3, 1, padding="same", biasStd=0.1),
      RELU,
      make(4, 1, 2, padding="circular"),
      ERF,
      make(4, 2, 2, padding="same"),
      RELU,
    ),
    SMALLS,
  )
  # Axis orders. The window is in the order of the letters in the second string.
  for numbers, x1, x2 in [
    (("NHWC", "HWIO", "NHWC"), IMAGE1, IMAGE2),
    (("NCHW", "HWIO", "NCHW"), (2, 2, 4, 3), (2, 2, 4, 3)),
    (("NCHW", "OIHW", "NCHW"), (2, 2, 4, 3), (2, 2, 4, 3)),
    (("CHWN", "HWIO", "CHWN"), (2, 4, 3, 2), (2, 4, 3, 3)),
    (("HWCN", "IOHW", "HWCN"), (4, 3, 2, 2), (4, 3, 2, 3)),
    (("NHWC", "WHIO", "NHWC"), IMAGE1, IMAGE2),
    (("NHWC", "HWIO", "NCHW"), IMAGE1, IMAGE2),
    (("NHWC", "HWIO", "NWHC"), IMAGE1, IMAGE2),
    (("NCHW", "WIHO", "CWHN"), (2, 2, 4, 3), (2, 2, 4, 3)),
    (("HNWC", "OWHI", "CHNW"), (4, 2, 3, 2), (4, 2, 3, 2)),
  ]:
    before, _, after = numbers
    batch, channel = before.index("N"), before.index("C")
    out = {"batchAxis": after.index("N"), "channelAxis": after.index("C")}
    body = [make(4, 3, 2, strides=[1, 2], padding="same", dimensionNumbers=list(numbers), biasStd=0.2), RELU]
    end = {"batchAxis": 0 if after.index("N") < after.index("C") else 1}
    end["channelAxis"] = 1 - end["batchAxis"]
    described = f"{name} {'/'.join(numbers)}"
    add(
      described,
      serial(*body, layer("globalAveragePool", **out), dense(1, **end)),
      (x1, x2),
      batch=batch,
      channel=channel,
    )
    add(f"{described}, full", serial(*body), (x1, x2), batch=batch, channel=channel)
    if name != "convTranspose":
      add(f"{described}, masked", serial(*body), (x1, x2), masked="positions", batch=batch, channel=channel)

for window, dilation, padding in [((2,), (2,), "valid"), ((3,), (2,), "same"), ((2,), (3,), "circular")]:
  network = pooled(conv(4, *window, dilation=list(dilation), padding=padding, biasStd=0.2), RELU)
  add(f"conv dilated {window} {dilation} {padding}", network, LINES)
add(
  "conv dilated on images, full",
  serial(conv(4, 2, 2, dilation=[2, 1], strides=[1, 2], padding="same", biasStd=0.2), RELU),
)

# Mixtures.
add(
  "conv, then convTranspose",
  pooled(conv(4, 3, 2, strides=[2, 1], padding="same"), RELU, conv_transpose(4, 2, 3, strides=[2, 1], padding="same")),
)
add("conv, then convLocal, flattened", head(conv(4, 3, 2, padding="same"), RELU, conv_local(4, 2, 3), ERF))
add("conv, then convLocal, full", serial(conv(4, 3, 1, padding="same"), RELU, conv_local(4, 2, 1), ERF))
add("convLocal, then conv", pooled(conv_local(4, 2, 1), RELU, conv(4, 1, 2, padding="same", biasStd=0.3)))
add(
  "three axes with a cyclic order",
  serial(conv(4, 2, 1, 2, dimensionNumbers=["NHWDC", "HWDIO", "NDHWC"], biasStd=0.2), RELU),
  ((1, 3, 2, 2, 2), (1, 3, 2, 2, 2)),
)
