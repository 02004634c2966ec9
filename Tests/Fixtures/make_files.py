"""Writes Tests/DataFilesTests/Fixtures/files: what NumPy writes, one small file per type, order and version.

All but a few hold formulas of a = arange(24) as (2, 3, 4): integers a - 7 (a when unsigned), floats (a - 7) / 4, Booleans
a % 3 == 0.
"""

import gzip
import os
import struct

import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "TensorsTests", "Fixtures", "files")
os.makedirs(FOLDER, exist_ok=True)
a = np.arange(24).reshape(2, 3, 4)


def path(name):
  return os.path.join(FOLDER, name)


def save(name, array, version=None):
  with open(path(name), "wb") as file:
    np.lib.format.write_array(file, np.asarray(array), version=version, allow_pickle=False)


def idx(array, code):
  head = struct.pack(">BBBB", 0, 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
  return head + array.tobytes()


def write(name, content):
  with open(path(name), "wb") as file:
    file.write(content)


for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"):
  values = a if kind[0] == "u" else (a - 7) / 4 if kind[0] == "f" else a - 7
  for name, order in (("little", "<"), ("big", ">")):
    save(f"{name}-{kind}.npy", values.astype(order + kind))
save("bool.npy", a % 3 == 0)
save("fortran-f8.npy", np.asfortranarray((a - 7) / 4))
save("fortran-big-i2.npy", np.asfortranarray((a - 7).astype(">i2")))
save("version2.npy", ((a - 7) / 4).astype("f4"), (2, 0))
save("version3.npy", ((a - 7) / 4).astype("f4"), (3, 0))
save("scalar.npy", np.float64(2.5))
save("empty.npy", np.zeros((3, 0, 2), "f4"))
save("half-specials.npy", np.array([0, -0.0, 1, -2, 6e-8, 6.1e-5, 65504, np.inf, -np.inf], "f2"))
save("complex.npy", np.ones(3, "c16"))
save("text.npy", np.array(["a", "bc"]))
save("records.npy", np.zeros(2, [("x", "f4"), ("y", "i4")]))
save("too-large-i8.npy", np.array([1, 2**31]))
save("too-large-u4.npy", np.array([0, 0, 2**31], "u4"))
np.save(path("objects.npy"), np.array([{}, 1], object))
np.savez(path("stored.npz"), x=(a - 7) / 4, labels=np.array([3, 1, 2], "u1"))
np.savez_compressed(path("deflated.npz"), x=np.zeros((50, 20), "f4") + np.arange(20, dtype="f4"), y=np.float64(3))

write("images.idx", idx((10 * a).astype("u1"), 8))
write("floats.idx.gz", gzip.compress(idx(((a - 7) / 4).astype(">f4"), 13), mtime=0))
for code, kind in ((9, "i1"), (11, ">i2"), (12, ">i4"), (14, ">f8")):
  write(f"{kind.strip('>')}.idx", idx((a - 7).astype(kind), code))
