#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is needed, builds the program tarn and replays the bundled traces of real servers
# through tarn and through the C library's malloc: one and several threads, heap and direct memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
cmake --preset release
cmake --build --preset release --target tarn_program

replay() {
  printf '\n$ tarn replay traces/*.atrc.zst %s\n' "$*"
  build/release/tarn replay traces/*.atrc.zst --allocator tarn,malloc "$@"
}
for kind in heap direct; do
  for threads in one recorded; do
    replay --mode memory --kind "$kind" --threads "$threads" --rounds 5
  done
done
replay --mode buffer --kind direct --threads recorded --rounds 3
