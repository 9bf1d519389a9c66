#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures everything on this machine and puts the results into docs/performance.md: scripts/performance.sh [tarn bench's arguments].
# Takes ten minutes. The machine should have nothing else to do.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
results=docs/performance/results.json

scripts/setup.sh
cmake --preset release
cmake --build --preset release --target tarn_program
build/release/tarn bench --json "$@" >"$results.new"
mv "$results.new" "$results"
scripts/performance.py "$results"
