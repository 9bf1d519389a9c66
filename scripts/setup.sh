#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what building, testing and demonstrating tarn needs on Debian 12. Quick when all is there.
set -euo pipefail

packages=(
  # build
  cmake g++ ninja-build pkg-config
  # the program tarn
  libcli11-dev nlohmann-json3-dev libzstd-dev
  # tests
  libgtest-dev libgmock-dev librapidcheck-dev relacy-dev python3 valgrind binutils zstd
  libasio-dev libboost-dev libfmt-dev  # for the optional headers
  # benchmarks, and the allocators that they compare with
  libbenchmark-dev gnuplot-nox libjemalloc2 libmimalloc2.0 libtcmalloc-minimal4 libtbbmalloc2
)
if [[ "${1:-}" == --ci ]]; then
  packages+=(clang clang-format clang-tidy libclang-rt-14-dev)  # the further legs of .ci/run
elif [[ $# -gt 0 ]]; then
  echo "usage: scripts/setup.sh [--ci]" >&2
  exit 2
fi

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
  [[ "$status" == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
  exit 0
fi

as_root=()
if [[ $(id -u) -ne 0 ]]; then
  as_root=(sudo)
fi
echo "scripts/setup.sh: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
apt_get() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" </dev/null; }
apt_get update
apt_get install --yes --no-install-recommends "${missing[@]}"
