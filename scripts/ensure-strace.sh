#!/usr/bin/env bash
# Installs strace if it is missing: a test reads from the system calls what is on the disk when flush() returns. Linux only.
set -euo pipefail

[ "$(uname)" = Linux ] || exit 0
command -v strace >/dev/null || "$(dirname "$0")/install-package.sh" strace
