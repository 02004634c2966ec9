#!/usr/bin/env python3
"""Launches of a module compiled for a card, and for kernels those of a layer and instructions per entry and layer.

    accelerator-report.py FOLDER NVDISASM CASE NAME

FOLDER has the dump of the compiler and the machine code, CASE says how many pairs of inputs a call has.
"""

import glob
import re
import subprocess
import sys

folder, disassembler, case, name = sys.argv[1:5]
pairs = next((int(line.split()[1]) for line in open(case) if line.startswith("pairs ")), 0)
entries = pairs * (1024 if "flattened" in name else 1024 * 1024)
layers = 10 if "myrtle" in name else 21

# What has launches inside, or waits for one.
FRAMES = {"AsyncStart", "AsyncDone", "DynamicSliceFusion", "While", "Sequential", "WaitForStreams"}


def launches(path):
    """What is launched outside of loops, in their bodies and in their conditions: (kind, name, grid, threads)."""
    found = {"outside": [], "body": [], "condition": []}
    place = "outside"
    for line in open(path):
        if re.match(r"\d", line):
            place = "outside"
        elif line.strip() in ("condition:", "body:"):
            place = line.strip()[:-1]
        thunk = re.match(r"\s*\d+: k(\w+)", line)
        if not thunk or thunk[1] in FRAMES:
            continue
        kernel = re.search(r"\] (\S+) grid: \[(\d+), (\d+), (\d+)\] threads: \[(\d+)", line)
        grid = int(kernel[2]) * int(kernel[3]) * int(kernel[4]) if kernel else 0
        found[place].append((thunk[1], kernel[1] if kernel else "", grid, int(kernel[5]) if kernel else 0))
    return found


def trips(path):
    """Turns of the loops; nil for one whose number the compiler does not know, so that the card has to look."""
    loops = [line for line in open(path) if re.search(r" while\(", line)]
    counts = [re.search(r'"known_trip_count":\{"n":"(\d+)"', line) for line in loops]
    return [int(count[1]) if count else None for count in counts]


def instructions(names):
    """Machine instructions of the kernels, by name."""
    result = {}
    for path in glob.glob(folder + "/machine-code/*.cubin"):
        text = subprocess.run([disassembler, "-c", path], capture_output=True, text=True).stdout
        kernel = re.search(r"\.text\.(\w+)", text)
        if kernel and kernel[1] in names:
            code = re.findall(r"/\*[0-9a-f]{4}\*/\s+(.*?);", text)
            result[kernel[1]] = sum(1 for line in code if not line.startswith("NOP"))
    return result


def is_whole(launch):
    """Whether it reads or writes all entries: no thread has more than sixteen."""
    return launch[2] * launch[3] * 16 >= entries


def kinds(found):
    """`12 kernels, 3 copies`."""
    words = {"CustomKernel": "kernels", "Copy": "copies", "CublasLtMatmul": "products", "Gemm": "products"}
    counts = {}
    for kind, *_ in found:
        word = words.get(kind, kind)
        counts[word] = counts.get(word, 0) + 1
    return ", ".join(f"{count} {word}" for word, count in counts.items()) or "none"


def fail(text):
    print(f"  FAILED: {text}")
    sys.exit(1)


found = launches(glob.glob(folder + "/dump/*thunk_sequence.txt")[0])
turns = trips(glob.glob(folder + "/dump/*gpu_after_optimizations.txt")[0])
print(f"  launches: {len(found['outside'])} outside of loops ({kinds(found['outside'])})", end="")
if not pairs:
    print()
    if turns:
        fail("expected no loop")
    sys.exit()
if "myrtle" in name:
    # Three stages between pools, none of them long enough for a loop.
    whole = [launch for launch in found["outside"] if launch[2] * launch[3] * 16 * 16 * 16 >= entries]
    per_layer = len(found["outside"]) / layers
    print(f"\n  {per_layer:.1f} launches per layer, {len(whole)} of them on pages")
    sys.exit()
if len(turns) != 1:
    fail(f"expected one loop over layers, found {len(turns)}")
# With a known number of turns the condition is never launched.
body = found["body"] + (found["condition"] if turns[0] is None else [])
per_turn = layers // turns[0] if turns[0] else 2
whole = [launch for launch in body if is_whole(launch)]
print(
    f"; a turn of {per_turn} layers: {len(body)} ({kinds(body)}), {len(whole)} on whole arrays"
    + ("" if turns[0] else ", with the condition"))
counts = instructions({launch[1] for launch in whole})
per_entry = sum(counts.get(launch[1], 0) * launch[2] * launch[3] for launch in whole) / entries / per_turn
per_layer = len(body) / per_turn
print(f"  per layer: {per_layer:.1f} launches, copies among them; {per_entry:.0f} instructions per entry")
if any(launch[1] not in counts for launch in whole) or not whole:
    fail("expected the machine code of the loop's kernels")
if "pooled" in name and per_layer > 3:
    fail("expected at most 3 launches per layer")
if "pooled-float32" in name and per_entry > 170:
    fail("expected at most 170 instructions per entry and layer")
