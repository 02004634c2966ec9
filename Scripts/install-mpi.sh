#!/usr/bin/env bash
# Installs what `make mpi` needs and this machine lacks: Open MPI, ScaLAPACK and ELPA. Quiet when nothing is missing; when something
# cannot be installed, one line says what to install.
set -euo pipefail

stop() {
  echo "install-mpi: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; elif [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
}

[ "$(uname -s)" = Linux ] && command -v dpkg-query > /dev/null && command -v apt-get > /dev/null ||
  stop "Debian or a relative of it is needed; elsewhere install Open MPI, ScaLAPACK and ELPA with their .pc files"

missing=()
for package in openmpi-bin libopenmpi-dev libscalapack-openmpi-dev libelpa-dev; do
  dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed' || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0
echo "install-mpi: installing ${missing[*]}"
{ as_root apt-get update -qq &&
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null; } ||
  stop "apt-get failed; as an administrator run: apt-get install ${missing[*]}"
