#!/usr/bin/env bash
# Tests the package with the trait MPI on this machine, on 1, 2 and 4 processes: what a cluster offers against what is known, and
# predictions from a store against those of one process, with every solver; then processes that are killed.
#
# test-mpi.sh [--checks-only]: only what a cluster offers, which builds in seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

# More processes than processors, each with one thread, and as root in containers.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_hwloc_base_binding_policy=none OPENBLAS_NUM_THREADS=1
build=(swift build -c release --traits MPI --scratch-path .build-mpi)
"${build[@]}" --product cluster-checks 2>&1 | tail -n 1
programs=$("${build[@]}" --show-bin-path)
for count in 1 2 4; do mpirun -n $count "$programs/cluster-checks"; done
[ "${1:-}" != --checks-only ] || exit 0

"${build[@]}" --product neural-tangents 2>&1 | tail -n 1
ldd "$programs/neural-tangents" | grep libmpi > /dev/null || { echo "neural-tangents is not linked with MPI" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -B Scripts/test_mpi.py "$programs/neural-tangents" "$folder"
