#!/usr/bin/env bash
# Makes .venv with the development tools of pyproject.toml. Needs Python >= 3.10; touches nothing outside the checkout,
# unless the system's Python came without its venv module: then the system's package is installed.
set -euo pipefail
cd "$(dirname "$0")/.."

is_recent() {
    "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 10))' >/dev/null 2>&1
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3 python3.14 python3.13 python3.12 python3.11 python3.10; do
        if is_recent "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: no Python >= 3.10 found; install one, or name it: make setup PYTHON=/path/to/python3" >&2
    return 1
}

make_venv() {
    local python=$1
    if [ -x .venv/bin/python ] && is_recent .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    rm -rf .venv
    if "$python" -m venv .venv; then
        return
    fi
    rm -rf .venv
    # Debian and its kin package the venv module apart.
    scripts/install-package.sh python3-venv
    "$python" -m venv .venv
}

command -v cargo >/dev/null || {
    echo "setup: cargo is missing; install Rust (the version that Cargo.toml names as rust-version, or newer)" >&2
    exit 1
}
echo "setting up .venv"
make_venv "$(find_python)"
# `--group` came with pip 25.1.
.venv/bin/python -m pip install --quiet --upgrade 'pip>=25.1'
.venv/bin/python -m pip install --quiet --upgrade --group dev
