#!/usr/bin/env python3
"""Reads stores of `neural-tangents gram` with zarr and tensorstore.

test_stores.py PROGRAM
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import tensorstore
import zarr

PROGRAM = os.path.abspath(sys.argv[1])
NETWORK = {
    "serial": [
        {"conv": {"channels": 4, "window": [3, 3], "padding": "same", "weightStd": 1.4}},
        {"relu": {}},
        {"conv": {"channels": 4, "window": [3, 3], "padding": "same", "biasStd": 0.1}},
        {"relu": {}},
        {"globalAveragePool": {}},
        {"dense": {"width": 1}},
    ]
}


def run(*arguments, status=0):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == status, (arguments, done)
    return done.stdout


def read_zarr(store, name):
    with warnings.catch_warnings():
        # What zarr would say about folders of ours would be heard.
        warnings.simplefilter("error")
        group = zarr.open_group(store, mode="r")
        assert name in list(group.array_keys()), list(group.array_keys())
        return group[name][...]


def read_tensorstore(store, name):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{store}/{name}/"}}
    return tensorstore.open(spec, read=True).result().read().result()


READERS = [read_zarr, read_tensorstore]


def check(store, name, expected, is_growing=False):
    """What is there is right, and what is missing is NaN; the share that is there, which is the same for all readers unless tiles
    come meanwhile."""
    shares = []
    for reader in READERS:
        found = np.asarray(reader(store, name))
        assert found.shape == expected.shape and found.dtype == expected.dtype, (found.shape, found.dtype)
        there = ~np.isnan(found)
        assert np.array_equal(found[there], expected[there]), (store, name, reader)
        shares.append(there.mean())
    assert is_growing or shares[0] == shares[1], shares
    return shares[0]


def stages(store, expected):
    """Opens a store while it is computed by a process that is killed again and again; the shares that were there."""
    shares = {0.0} if check(store, "ntk", expected["ntk"]) == 0 else set()
    while True:
        worker = subprocess.Popen([PROGRAM, "gram", "run", store, "--lease", "1"], stdout=subprocess.DEVNULL)
        time.sleep(0.25)
        # In the middle of writing, and after the worst that can happen.
        check(store, "ntk", expected["ntk"], is_growing=True)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        shares.add(min(check(store, name, expected[name]) for name in ("nngp", "ntk")))
        if max(shares) == 1:
            return sorted(shares)


def damaged(store, name):
    """Whether each reader says that something is wrong."""
    for reader in READERS:
        try:
            reader(store, name)
        except Exception:
            continue
        return False
    return True


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="test-stores-"))
    os.chdir(folder)
    generator = np.random.default_rng(1)
    images = generator.standard_normal((700, 8, 8, 3), dtype=np.float32)
    np.save("x.npy", images)
    pathlib.Path("network.json").write_text(json.dumps(NETWORK))
    run("kernel", "network.json", "--x1", "x.npy", "--output", "k.npz")
    expected = dict(np.load("k.npz"))

    run("gram", "create", "k.zarr", "network.json", "--x1", "x.npy", "--tile-size", 64)
    shares = stages("k.zarr", expected)
    print(f"{len(shares)} stages, with {', '.join(f'{100 * share:.0f} %' for share in shares)} of the matrix")
    run("gram", "run", "k.zarr")
    for name in ("nngp", "ntk"):
        assert check("k.zarr", name, expected[name]) == 1

    group = zarr.open_group("k.zarr", mode="r")
    attributes = dict(group.attrs)
    assert attributes["format"] == 1 and attributes["network"] == NETWORK and attributes["kernels"] == ["nngp", "ntk"]
    assert attributes["x1"]["shape"] == list(images.shape) and attributes["tile"] == 64 and attributes["symmetric"]
    assert sorted(group.array_keys()) == ["nngp", "ntk", "x1"]
    for reader in READERS:
        assert np.array_equal(reader("k.zarr", "x1"), images)
    # A tile as it is, without any library for Zarr.
    tile = np.memmap("k.zarr/ntk/c/2/5", "<f4", "r", shape=(64, 64))
    assert np.array_equal(tile, expected["ntk"][128:192, 320:384])

    run("gram", "export", "k.zarr", "--output", "k.npy")
    assert np.array_equal(np.load("k.npy"), expected["ntk"])
    run("gram", "export", "k.zarr", "--output", "few.zarr", "--shard", 256)
    for name in ("nngp", "ntk"):
        assert check("few.zarr", name, expected[name]) == 1
    count = sum(1 for path in pathlib.Path("few.zarr/ntk/c").rglob("*") if path.is_file())
    assert count == 9, count

    run("gram", "create", "upper.zarr", "network.json", "--x1", "x.npy", "--tile-size", 64, "--upper-only")
    run("gram", "run", "upper.zarr")
    assert 0.5 < check("upper.zarr", "ntk", expected["ntk"]) < 0.6
    upper = zarr.open_group("upper.zarr", mode="r")["ntk"][...]
    whole = np.where(np.isnan(upper), upper.T, upper)
    assert np.array_equal(whole, expected["ntk"])
    run("gram", "export", "upper.zarr", "--output", "few-upper.zarr", "--shard", 256)
    assert check("few-upper.zarr", "ntk", expected["ntk"]) == 1

    np.save("y.npy", images[:90].astype(np.float64))
    np.save("z.npy", images[100:230].astype(np.float64))
    run("kernel", "network.json", "--x1", "y.npy", "--x2", "z.npy", "--output", "two.npz")
    run("gram", "create", "two.zarr", "network.json", "--x1", "y.npy", "--x2", "z.npy", "--tile-size", 32)
    run("gram", "run", "two.zarr")
    for name in ("nngp", "ntk"):
        assert check("two.zarr", name, np.load("two.npz")[name]) == 1

    chunk = pathlib.Path("k.zarr/ntk/c/1/3")
    good = chunk.read_bytes()
    for wrong in (good[:100] + bytes([good[100] ^ 8]) + good[101:], good[:-7], b""):
        chunk.write_bytes(wrong)
        assert damaged("k.zarr", "ntk")
        run("gram", "verify", "k.zarr", status=65)
        run("gram", "verify", "k.zarr", "--repair")
        assert chunk.read_bytes() == good and check("k.zarr", "ntk", expected["ntk"]) == 1
    print(f"zarr {zarr.__version__} and tensorstore read stores at every stage")


main()
