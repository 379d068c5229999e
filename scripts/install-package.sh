#!/usr/bin/env bash
# Installs packages of the system by name: install-package.sh NAME... Says what to do where it cannot.
set -euo pipefail
packages=("$@")

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "cannot install '${packages[*]}': not root, and no sudo; install them yourself and run make again" >&2
        return 1
    fi
}

# apt's post-install scripts would start a server as a service; policy-rc.d with status 101 forbids it for this one run.
without_services() {
    local policy=/usr/sbin/policy-rc.d status=0
    if [ -e "$policy" ]; then
        "$@"
        return
    fi
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 0755 "$policy"
    "$@" || status=$?
    as_root rm -f "$policy"
    return "$status"
}

echo "installing ${packages[*]}" >&2
if command -v apt-get >/dev/null; then
    as_root apt-get update -qq
    without_services as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${packages[@]}"
elif command -v dnf >/dev/null; then
    as_root dnf install -y -q "${packages[@]}"
elif command -v apk >/dev/null; then
    as_root apk add --quiet "${packages[@]}"
elif command -v brew >/dev/null; then
    brew install --quiet "${packages[@]}"
else
    echo "cannot install '${packages[*]}': none of apt-get, dnf, apk, brew is here; install them yourself and run make again" >&2
    exit 1
fi
