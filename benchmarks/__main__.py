"""Runs every benchmark that needs nothing but this repository, one after another: `make bench`.

`python -m benchmarks runner app` runs those named. Results are written down by hand in `benchmarks/README.md`, with the
machine they were measured on.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
ALL = (
    "runner",
    "app",
    "many_runs",
    "prompt_lab",
    "evaluation",
    "indexing",
    "retrieval",
    "concurrent_retrieval",
    "chunking",
    "microscope",
)


def main() -> int:
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if not (FOLDER / f"{name}.py").is_file()]
    if unknown:
        print(f"There is no benchmark named {', '.join(unknown)}; there are: {', '.join(ALL)}.", file=sys.stderr)
        return 2
    failed = []
    for name in names:
        print(f"\n== {name}", flush=True)
        start = time.perf_counter()
        if subprocess.run([sys.executable, FOLDER / f"{name}.py"], cwd=FOLDER.parent, check=False).returncode:
            failed.append(name)
        print(f"({time.perf_counter() - start:.0f} s)", flush=True)
    if failed:
        print(f"\nfailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
