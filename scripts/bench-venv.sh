#!/usr/bin/env bash
# Makes .build/bench-venv with the benchmark's peers, beside the development tools and not among them.
set -euo pipefail
cd "$(dirname "$0")/.."

[ -x .build/bench-venv/bin/python ] || .venv/bin/python -m venv .build/bench-venv
.build/bench-venv/bin/python -m pip install --quiet --upgrade --requirement tests/bench/requirements.txt
