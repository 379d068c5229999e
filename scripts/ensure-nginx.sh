#!/usr/bin/env bash
# Installs nginx if it is missing: the tests and the demo run one of their own, on a free port of loopback.
set -euo pipefail

# Debian keeps servers where not everyone's path leads.
PATH="$PATH:/usr/sbin:/usr/local/sbin"
command -v nginx >/dev/null || "$(dirname "$0")/install-package.sh" nginx
command -v nginx >/dev/null || {
    echo "nginx was installed, but is not on the path: $PATH" >&2
    exit 1
}
