#!/usr/bin/env bash
# Installs what `make test-neon` needs and this machine lacks: Debian's C library and linker for arm64, an emulator, and
# in the folder .build-neon/arm64 SLEEF for arm64. Quiet when nothing is missing; when something cannot be installed, one
# line says what to install.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.build-neon

stop() {
  echo "install-neon: $*" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; elif [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
}

[ "$(uname -s)" = Linux ] && command -v dpkg-query > /dev/null && command -v apt-get > /dev/null ||
  stop "Debian or a relative of it is needed"

# On an arm64 machine there is nothing to emulate, and the compiler's own libraries do.
needed=(gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user)
[ "$(uname -m)" != aarch64 ] || needed=(libsleef-dev gcc libc6-dev)
missing=()
for package in "${needed[@]}"; do
  dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed' || missing+=("$package")
done
if [ "${#missing[@]}" -gt 0 ]; then
  echo "install-neon: installing ${missing[*]}"
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null; } ||
    stop "apt-get failed; as an administrator run: apt-get install ${missing[*]}"
fi
[ "$(uname -m)" != aarch64 ] || exit 0

[ -e "$folder/arm64/usr/include/aarch64-linux-gnu/sleef.h" ] && exit 0
echo "install-neon: downloading SLEEF for arm64 into $folder"
rm -rf "$folder/arm64" "$folder/apt"
mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial"
# A list of packages of its own: the machine's stays as it is, and nobody needs to be an administrator.
options=(
  -qq -oAPT::Architecture=arm64 -oAPT::Architectures=arm64 -oAPT::Sandbox::User=root -oAcquire::Languages=none
  -oDir::State="$PWD/$folder/apt" -oDir::State::status=/dev/null -oDir::Cache="$PWD/$folder/apt/cache"
)
{ apt-get "${options[@]}" update && (cd "$folder/apt" && apt-get "${options[@]}" download libsleef-dev libsleef3); } ||
  stop "apt-get could not download libsleef-dev for arm64"
for archive in "$folder"/apt/*.deb; do dpkg-deb -x "$archive" "$folder/unpacked"; done
mv "$folder/unpacked" "$folder/arm64"
rm -rf "$folder/apt"
