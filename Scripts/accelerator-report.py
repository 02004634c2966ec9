#!/usr/bin/env python3
"""Launches per layer and instructions per entry and layer of a kernel compiled for a card.

    accelerator-report.py FOLDER NVDISASM CASE NAME

FOLDER has the dump of the compiler and the machine code, CASE says how many pairs of inputs a call has.
"""

import glob
import re
import subprocess
import sys

folder, disassembler, case, name = sys.argv[1:5]
pairs = next(int(line.split()[1]) for line in open(case) if line.startswith("pairs "))
entries = pairs * (1024 * 1024 if "pooled" in name else 1024)
layers = 21


def launches(path):
    """Kernels of the body of the loop and of what stands outside of it: (name, grid, threads)."""
    inside, found = False, {True: [], False: []}
    for line in open(path):
        if "kWhile" in line:
            inside = True
            continue
        if inside and not line.startswith(" ") and not line.startswith("condition"):
            inside = False
        kernel = re.search(r"kCustomKernel\s.*\] (\S+) grid: \[(\d+), \d+, \d+\] threads: \[(\d+)", line)
        if kernel:
            found[inside].append((kernel[1], int(kernel[2]), int(kernel[3])))
        elif re.search(r"kCopy|Matmul|Gemm", line):
            # Copies of what a layer reads of single inputs run beside the kernels, on streams of their own.
            found[inside].append(("copy or product", 0, 0))
    return found[True], found[False]


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


inside, outside = launches(glob.glob(folder + "/dump/*thunk_sequence.txt")[0])
# Not the condition of the loop, nor its counter.
body = [kernel for kernel in inside if kernel[1] * kernel[2] > 1 or kernel[1] == 0]
whole = [kernel for kernel in body if kernel[1] * kernel[2] * 16 >= entries]
per_turn = max(1, len(whole))
counter = len(inside) - len(body)
copies = sum(1 for kernel in body if kernel[1] == 0)
per_layer = (len(body) - copies + counter) / per_turn
print(
    f"  {len(outside)} launches outside of the loop; a turn of {per_turn} layers has {len(body) - copies}, {counter} of one "
    f"number, and {copies} small copies beside them")
failed = False
if whole:
    counts = instructions({kernel[0] for kernel in whole})
    for kernel, grid, threads in dict.fromkeys(whole):
        each = entries / (grid * threads)
        per_entry = counts.get(kernel, 0) / each
        print(f"  {kernel}: {counts.get(kernel, 0)} instructions for {each:g} entries a thread: {per_entry:.0f} per entry and layer")
        if name.startswith("2-kernel-pooled-float32"):
            failed = failed or not 0 < per_entry <= 170
    print(f"  {per_layer:.1f} kernels per layer, {copies / per_turn:.1f} copies")
    if name.startswith("2-kernel-pooled"):
        failed = failed or per_layer > 3
elif "pooled" in name:
    print("  no loop over layers was found")
    failed = True
if failed:
    print("  FAILED: expected at most 3 kernels per layer, and in float32 at most 170 instructions per entry")
sys.exit(failed)
