#!/usr/bin/env bash
# Installs a nightly toolchain of Rust if there is none: sanitizers and coverage for a fuzzer are not in stable ones.
set -euo pipefail

command -v rustup >/dev/null || {
    echo "rustup is missing, and with it the way to a nightly toolchain; see https://rustup.rs" >&2
    exit 1
}
cargo +nightly --version >/dev/null 2>&1 || rustup toolchain install nightly --profile minimal
