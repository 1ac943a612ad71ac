"""The app: from `streamlit run` to the first page in a browser, and one rerun of Evaluation with many stored runs.

    python benchmarks/app.py [--runs 30] [--records 200]

A rerun is timed in the server (script only, through AppTest) and in Chromium (click to settled page).
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.settings import Settings  # noqa: E402
from tests.browser.harness import browser, serve, settled  # noqa: E402
from tests.ui.seed import seed_project  # noqa: E402


def first_page(home: Path) -> tuple[float, float]:
    """Seconds from starting the server to a drawn Overview, and from a drawn Overview to a drawn Evaluation."""
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        start = time.perf_counter()
        with serve(home) as address:
            page.goto(address)
            page.get_by_role("heading", name="Overview").wait_for()
            settled(page)
            drawn = time.perf_counter()
            page.get_by_role("link", name="Evaluation").first.click()
            page.get_by_role("heading", name="Evaluation").wait_for()
            settled(page)
            return drawn - start, time.perf_counter() - drawn


def rerun(home: Path, times: int = 7) -> list[float]:
    """Seconds of the script for each rerun of Evaluation after the first."""
    os.environ["LLMOPT_HOME"] = str(home)
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60).run()
    app.switch_page("pages/evaluation.py").run()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        app.run()
        seconds.append(time.perf_counter() - start)
    if app.exception:
        raise RuntimeError(app.exception[0].message)
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--records", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        fresh, full = Path(folder) / "fresh", Path(folder) / "full"
        first_page(fresh)  # Warms the disk and puts the sample project in.
        starts = [first_page(fresh) for _ in range(3)]
        print(f"streamlit run -> first page: {statistics.median(s for s, _ in starts):.2f} s (goal 4)")
        print(f"to another page: {statistics.median(s for _, s in starts):.2f} s, the page settled for 0.35 s included")
        store = Store.open(Settings(home=full))
        seed_project(store, questions=options.records, runs=options.runs)
        store.close()
        seconds = rerun(full)
        print(
            f"rerun of Evaluation, {options.runs} runs x {options.records} records: median "
            f"{statistics.median(seconds):.3f} s, slowest {max(seconds):.3f} s (goal 0.4)"
        )


if __name__ == "__main__":
    main()
