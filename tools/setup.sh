#!/bin/bash
# Makes .venv from uv.lock: every extra, the development group, and the project itself, editable. Never removes what is there.
set -eu
cd "$(dirname "$0")/.."
uv_version=0.13.9

die() { echo "setup: $*" >&2; exit 1; }

find_python() {
    for candidate in ${PYTHON:-} python3.11 python3 python3.14 python3.13 python3.12; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return 0
        fi
    done
    die "Python 3.11 or newer is needed; name one with PYTHON=..."
}

# Debian ships venv without ensurepip unless python3-venv is installed.
ensure_venv_module() {
    "$1" -c 'import ensurepip' 2>/dev/null && return 0
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || die "$1 cannot make virtual environments: install python3-venv"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv >/dev/null
}

if ! .venv/bin/python -c '' 2>/dev/null; then
    python=$(find_python)
    ensure_venv_module "$python"
    "$python" -m venv .venv
fi
if [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv_version" ]; then
    .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
fi

export UV_PYTHON=$PWD/.venv/bin/python
.venv/bin/uv export --quiet --frozen --no-header --no-annotate --no-emit-project --all-extras --all-groups -o .venv/locked.txt >/dev/null
.venv/bin/uv pip install --quiet --require-hashes --no-build --compile-bytecode -r .venv/locked.txt
# The build backend is among the locked packages, so nothing unpinned is fetched to build the project.
.venv/bin/uv pip install --quiet --no-deps --no-build-isolation --editable .
# A service that compiles what it imports keeps 4-8 MiB of the compiler's, and starts in twice the time.
.venv/bin/python -m compileall -q libs services
[ -x .venv/bin/sluice ] || die ".venv/bin/sluice was not installed"
