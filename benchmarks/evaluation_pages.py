"""The Evaluation page with 30 configurations on 1,000 questions: reruns, pairs, exports, and the map in a browser.

    python benchmarks/evaluation_pages.py [--runs 30] [--records 1000] [--home FOLDER] [--parts tabs,pairs,export,map]

Times of this process are seconds of processor time. Those of the browser are by the clock, with the whole way there:
the rerun of the page, the sending and the drawing; beside them what the process of the page took.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from llmopt_core.evaluation.metrics.catalogue import RAGAS_METRICS  # noqa: E402
from llmopt_core.experiments.comparison_matrix import compare_all  # noqa: E402
from llmopt_core.experiments.result import result_of  # noqa: E402
from llmopt_core.experiments.result_tables import result_tables  # noqa: E402
from llmopt_core.experiments.run_scores import read_run_scores  # noqa: E402
from llmopt_core.reporting.table_files import table_csv, table_json, table_parquet  # noqa: E402
from llmopt_core.runs.store import Store  # noqa: E402
from tests.ui.seed import seed_project  # noqa: E402

TIMES = 5
TABS = (
    "Results", "Pictures", "Records", "Head to head", "Judge", "Failures", "Run", "Configurations", "Questions",
)  # fmt: skip


def rerun_tabs(home: Path, names: list[str]) -> None:
    """Each tab with all configurations chosen: the first drawing, and what a rerun takes."""
    os.environ["LLMOPT_HOME"] = str(home)
    from streamlit.testing.v1 import AppTest

    app: Any = AppTest.from_file(str(ROOT / "app.py"), default_timeout=600).run()
    print(f"{'tab':<22}{'first':>9}{'rerun':>9}{'slowest':>9}")
    for tab in TABS:
        app.switch_page("pages/evaluation.py")
        app.query_params["evaluation_view"] = app.session_state["evaluation_view"] = tab
        app.session_state["compared"] = names
        taken = [_seconds(app.run) for _ in range(1 + TIMES)]
        if app.exception:
            raise RuntimeError(f"{tab}: {app.exception[0].message}")
        again = taken[1:]
        print(f"{tab:<22}{taken[0]:>9.2f}{statistics.median(again):>9.3f}{max(again):>9.3f}")


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def compare_pairs(store: Store, project: str) -> None:
    """All pairs by each Ragas metric and by one of passes, without anything kept from before."""
    tables = read_run_scores(store, store.runs(project))
    for metric in (*RAGAS_METRICS, "hit_rate"):
        taken = _seconds(lambda metric=metric: compare_all(tables, metric, 0.02))  # type: ignore[misc]
        print(f"all pairs by {metric:<26}{taken:>8.2f}")


def export(store: Store, project: str) -> None:
    """What the button and `llmopt export` write."""
    ids = [run.id for run in reversed(store.runs(project))]
    kept: dict[str, Any] = {}
    steps: dict[str, Callable[[], object]] = {
        "result read from the store": lambda: kept.update(result=result_of(store, ids, traces=False)),
        "tables made": lambda: kept.update(tables=result_tables(kept["result"])),
        "CSV written": lambda: [table_csv(table) for table in kept["tables"]],
        "JSON written": lambda: [table_json(table) for table in kept["tables"]],
        "Parquet written": lambda: [table_parquet(table) for table in kept["tables"]],
    }
    for words, work in steps.items():
        print(f"{words:<39}{_seconds(work):>8.2f}")


_WATCH = """() => {
  window.drawn = 0;
  const see = () => {
    const image = document.querySelector('.st-key-example_map .heatmaplayer image');
    if (!image || image === window.seen) return;
    window.seen = image;
    requestAnimationFrame(() => { window.drawn = performance.now(); });
  };
  window.seen = document.querySelector('.st-key-example_map .heatmaplayer image');
  new MutationObserver(see).observe(document.body, { childList: true, subtree: true });
}"""


def draw_map(home: Path, project: str, names: list[str]) -> None:
    """From the choice of another order to the map on the screen, and what the browser's process took for it."""
    from tests.browser.harness import browser, serve, settled

    address_of = urlencode({"project": project, "evaluation_view": "Results", "compared": names}, doseq=True)
    with serve(home) as address, browser() as opened:
        page = opened.new_page(viewport={"width": 1440, "height": 1000})
        page.goto(f"{address}/evaluate?{address_of}")
        page.locator(".st-key-example_map .heatmaplayer image").wait_for(timeout=300_000)
        settled(page)
        page.evaluate(_WATCH)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        for order in ("As in the set", "Lowest first", "Most different first") * 2:
            field = page.get_by_role("combobox", name="Order")
            field.scroll_into_view_if_needed()
            field.click()
            option = page.get_by_role("option", name=order)
            option.wait_for()
            page.evaluate("window.drawn = 0")
            before, started = _process_time(session), page.evaluate("performance.now()")
            option.click()
            page.wait_for_function("window.drawn > 0", timeout=120_000)
            taken = (page.evaluate("window.drawn") - started) / 1000
            settled(page)
            words = f"map of {len(names)} rows, {order.lower()}"
            print(
                f"{words:<39}{taken:>8.2f} by the clock{_process_time(session) - before:>8.2f} of the browser's process"
            )


def _process_time(session: Any) -> float:
    metrics = {one["name"]: one["value"] for one in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["ProcessTime"])


def main() -> None:
    """Seed, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--records", type=int, default=1000)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--parts", default="tabs,pairs,export,map")
    asked = parser.parse_args()
    home = asked.home or Path(tempfile.mkdtemp(prefix="llmopt-bench-"))
    store = Store(f"sqlite:///{home / 'llmopt.db'}", home)
    if not store.projects():
        seed_project(store, questions=asked.records, runs=asked.runs)
    project = store.projects()[0].name
    parts = asked.parts.split(",")
    if "tabs" in parts:
        rerun_tabs(home, [item.name for item in store.configurations(project)])
    if "pairs" in parts:
        compare_pairs(store, project)
    if "export" in parts:
        export(store, project)
    if "map" in parts:
        draw_map(home, project, [item.name for item in store.configurations(project)])
    store.close()


if __name__ == "__main__":
    main()
