#!/usr/bin/env bash
# Makes .build/bench-venv with the benchmark's peers, beside the development tools and not among them.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .build/bench-venv/bin/python ] || .venv/bin/python -m venv .build/bench-venv
install() {
    .build/bench-venv/bin/python -m pip install --quiet --upgrade --requirement "$1"
}
install tests/bench/requirements.txt
install tests/bench/requirements-optional.txt || echo "bench: going on without what could not be installed" >&2
