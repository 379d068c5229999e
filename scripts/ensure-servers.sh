#!/usr/bin/env bash
# Installs the servers that the tests talk to, where they are missing; each test runs one of its own, on a free port of
# loopback. Those of Python are among the development tools of pyproject.toml; nginx has a script of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

# Debian keeps servers where not everyone's path leads.
PATH="$PATH:/usr/sbin:/usr/local/sbin"
node=tests/python/servers/node
installed=.build/node

# The packages that a program comes in; where nothing else is said, one of its own name.
packages_of() {
    local manager=
    for candidate in apt-get dnf apk brew; do
        if command -v "$candidate" >/dev/null; then
            manager=$candidate
            break
        fi
    done
    case $manager:$1 in
    # The program and its modules, without the service around them.
    apt-get:apache2) echo apache2-bin ;;
    apk:apache2) echo apache2 apache2-brotli ;;
    *:apache2) echo httpd ;;
    apt-get:lighttpd) echo lighttpd lighttpd-mod-deflate ;;
    dnf:lighttpd) echo lighttpd lighttpd-mod_deflate ;;
    *:varnishd) echo varnish ;;
    apt-get:npm | apk:npm) echo nodejs npm ;;
    dnf:npm) echo nodejs nodejs-npm ;;
    brew:npm) echo node ;;
    *) echo "$1" ;;
    esac
}

is_here() {
    case $1 in
    apache2) command -v apache2 || command -v httpd ;;
    npm) command -v node && command -v npm ;;
    *) command -v "$1" ;;
    esac >/dev/null
}

missing=()
for program in apache2 lighttpd caddy h2o haproxy varnishd squid npm; do
    if ! is_here "$program"; then
        missing+=("$program")
    fi
done
if [ ${#missing[@]} -gt 0 ]; then
    packages=()
    for program in "${missing[@]}"; do
        # shellcheck disable=SC2207  # names of packages have no spaces
        packages+=($(packages_of "$program"))
    done
    scripts/install-package.sh "${packages[@]}"
    for program in "${missing[@]}"; do
        is_here "$program" || {
            echo "$program was installed (${packages[*]}), but is not on the path: $PATH" >&2
            exit 1
        }
    done
fi

# What the servers of node are made of; `--ignore-scripts`: none of it has to be built.
if ! cmp -s "$node/package-lock.json" "$installed/package-lock.json" || [ ! -d "$installed/node_modules" ]; then
    rm -rf "$installed"
    mkdir -p "$installed"
    cp "$node/package.json" "$node/package-lock.json" "$installed"
    echo "installing what the servers of node need" >&2
    (cd "$installed" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
fi
