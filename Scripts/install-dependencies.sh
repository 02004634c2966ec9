#!/usr/bin/env bash
# Installs what the package needs and this machine lacks: BLAS, SLEEF, zlib and pkg-config to build, gnuplot and
# Graphviz for figures, Python to write the documentation's site.
# Quiet when nothing is missing; when it cannot install, one line says what to install.
set -euo pipefail

stop() {
  echo "install-dependencies: $*" >&2
  exit 1
}

check_swift() {
  command -v swift > /dev/null || stop "Swift 6.1 or later is needed and swift is not in PATH; see https://www.swift.org/install"
  local version
  version=$(swift --version 2> /dev/null | sed -nE 's/.*Swift version ([0-9]+\.[0-9]+).*/\1/p' | head -n 1)
  [ -n "$version" ] && { [ "${version%.*}" -gt 6 ] || { [ "${version%.*}" -eq 6 ] && [ "${version#*.}" -ge 1 ]; }; } ||
    stop "Swift 6.1 or later is needed, found ${version:-an unknown version}; see https://www.swift.org/install"
}

# as_root COMMAND...: runs it as the administrator, with sudo where that is needed and there.
as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

install_debian() {
  local missing=() package
  for package in libopenblas-dev libsleef-dev zlib1g-dev gnuplot-nox graphviz; do
    dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q '^install ok installed' || missing+=("$package")
  done
  command -v pkg-config > /dev/null || missing+=(pkg-config)
  command -v python3 > /dev/null || missing+=(python3)
  [ "${#missing[@]}" -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ] && ! command -v sudo > /dev/null; then
    stop "not permitted to install; as an administrator run: apt-get install ${missing[*]}"
  fi
  echo "install-dependencies: installing ${missing[*]}"
  { as_root apt-get update -qq &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" > /dev/null; } ||
    stop "apt-get failed; as an administrator run: apt-get install ${missing[*]}"
}

install_macos() {
  local missing=() formula
  if ! command -v brew > /dev/null; then
    stop "Homebrew is needed to install sleef, pkgconf, gnuplot, graphviz and python3; see https://brew.sh"
  fi
  for formula in sleef gnuplot graphviz; do
    brew list --versions "$formula" > /dev/null 2>&1 || missing+=("$formula")
  done
  command -v pkg-config > /dev/null || missing+=(pkgconf)
  command -v python3 > /dev/null || missing+=(python3)
  [ "${#missing[@]}" -gt 0 ] || return 0
  echo "install-dependencies: installing ${missing[*]}"
  brew install --quiet "${missing[@]}" || stop "brew failed; run: brew install ${missing[*]}"
}

check_swift
case "$(uname -s)" in
  Darwin) install_macos ;;
  Linux)
    command -v dpkg-query > /dev/null && command -v apt-get > /dev/null ||
      stop "unknown system; install the development files of OpenBLAS, SLEEF and zlib, pkg-config, gnuplot, Graphviz, and Python 3"
    install_debian
    ;;
  *) stop "unknown system; install SLEEF and zlib with their development files, pkg-config, gnuplot, Graphviz, and Python 3" ;;
esac
