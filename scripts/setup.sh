#!/usr/bin/env bash
# Make .venv from requirements.lock. Does nothing, and needs no network, when it is already up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

find_python() {
    for candidate in "${PYTHON:-}" python3.12 python3.13 python3.11 python3; do
        [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    echo "setup: Python 3.11, 3.12 or 3.13 is needed. Install one, or name it: make run PYTHON=/path/to/python3.12" >&2
    exit 1
}

fingerprint() { cat requirements.lock pyproject.toml scripts/setup.sh | cksum; }

if [ -x .venv/bin/python ] && [ "$(cat .venv/.installed 2>/dev/null)" = "$(fingerprint)" ]; then
    exit 0
fi

python=$(find_python)
if ! [ -x .venv/bin/python ]; then
    echo "setup: creating .venv with $($python --version)"
    "$python" -m venv .venv || {
        echo "setup: could not create .venv. On Debian or Ubuntu: sudo apt-get install python3-venv" >&2
        exit 1
    }
fi
export PIP_DISABLE_PIP_VERSION_CHECK=1
pip() { .venv/bin/python -m pip "$@"; }
wanted_torch=$(grep '^torch==' requirements.lock | cut -d= -f3)

install_torch() {
    # PyPI's Linux build brings gigabytes of CUDA, so a CPU wheel comes first: from a local wheel folder, else
    # from PyTorch's CPU index. macOS builds on PyPI are CPU builds.
    if [ "$(uname -s)" != Linux ] || pip_has_local_torch; then
        pip install --quiet --no-deps "torch==$wanted_torch"
    else
        pip install --quiet --no-deps --index-url https://download.pytorch.org/whl/cpu "torch==$wanted_torch"
    fi
}

pip_has_local_torch() {
    pip download --quiet --no-deps --no-index --dest "$(mktemp -d)" "torch==$wanted_torch" >/dev/null 2>&1
}

installed_torch=$(.venv/bin/python -c 'import importlib.metadata as m; print(m.version("torch").split("+")[0])' 2>/dev/null || true)
if [ "$installed_torch" != "$wanted_torch" ]; then
    echo "setup: installing torch $wanted_torch (CPU)"
    install_torch
fi

echo "setup: installing $(grep -c == requirements.lock) pinned packages"
.venv/bin/python -c 'import uv' 2>/dev/null || pip install --quiet "$(grep '^uv==' requirements.lock)"
grep -v '^torch==' requirements.lock > .venv/packages.txt
.venv/bin/uv pip install --quiet --compile-bytecode --python .venv/bin/python --no-deps -r .venv/packages.txt
.venv/bin/uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
.venv/bin/python -m compileall -q app.py llmopt_core llmopt_ui
fingerprint > .venv/.installed
echo "setup: done"
