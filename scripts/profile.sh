#!/usr/bin/env bash
# Samples a Python program with native stacks: profile.sh [PROGRAM [ARGUMENT...]], by default the benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."

command -v perf >/dev/null || {
    echo "profile: perf is missing; it is in the package linux-perf, linux-tools or perf of your system" >&2
    exit 1
}
[ $# -gt 0 ] || set -- tests/bench --parts requests --only Session --sizes 20 --codings plain
cargo build --locked --profile profiling --features extension-module
cp target/profiling/libnotmodified.so python/notmodified/_core.abi3.so
# That is not what `make` put there: it builds anew next time.
rm -f .build/extension-*
perf record --freq 997 --call-graph dwarf --output .build/perf.data .build/bench-venv/bin/python "$@"
echo "perf report --input .build/perf.data"
