#!/usr/bin/env bash
# Holds that the package is what it is where there is no MPI: with a pkg-config that knows neither Open MPI nor ELPA the manifest is
# read, everything is planned and built (what the tests in release have built is not built again), and nothing that is built is
# linked with them. Where they are installed, what a cluster offers is checked on 1, 2 and 4 processes, too.
#
# test-without-mpi.sh [FLAG...]: flags that the tests were built with.
set -euo pipefail
cd "$(dirname "$0")/.."

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ "$(uname -s)" = Linux ]; then
  for name in sleef zlib; do
    directory=$(pkg-config --variable=pcfiledir "$name")
    cp "$directory/$name.pc" "$folder/"
  done
  export PKG_CONFIG_LIBDIR=$folder PKG_CONFIG_PATH=
  ! pkg-config --exists ompi-c || { echo "pkg-config still knows ompi-c" >&2; exit 1; }
fi
swift package dump-package > /dev/null
swift test list -c release "$@" > "$folder/log" 2>&1 || { tail -n 20 "$folder/log" >&2; exit 1; }
! grep -E "pkg-config|pc file|may be able to install|ompi-c" "$folder/log" || exit 1
programs=$(swift build -c release --show-bin-path)
for program in neural-tangents cluster-checks benchmarks; do
  if [ "$(uname -s)" = Linux ] && ldd "$programs/$program" | grep -E 'libmpi|libopen-rte|scalapack|libelpa'; then
    echo "$program is linked with MPI, without the trait" >&2
    exit 1
  fi
done
"$programs/cluster-checks"
echo "nothing of MPI is linked or looked for"

unset PKG_CONFIG_LIBDIR PKG_CONFIG_PATH
if ! command -v mpirun > /dev/null || ! pkg-config --exists ompi-c elpa; then
  echo "skipped: processes of MPI, as Open MPI and ELPA are not installed (make mpi installs them)"
  exit 0
fi
Scripts/test-mpi.sh --checks-only
