"""A project with 10,000 runs: the time of a rerun of every page and tab.

    python benchmarks/many_runs.py [--runs 10000] [--names 200] [--records 4]

Each page is drawn once, then run again several times; what is printed is the script alone (AppTest), in seconds of
processor time, beside the same page over 10 runs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import sqlalchemy as sa  # noqa: E402

from llmopt_core.runs.store import Store  # noqa: E402
from llmopt_core.runs.tables_runs import jobs, records, runs, scores  # noqa: E402
from tests.ui.seed import seed_project  # noqa: E402

TIMES = 7


def seed(store: Store, count: int, names: int, size: int) -> None:
    """A project whose three runs are copied until there are `count`, under `names` names."""
    name = seed_project(store, questions=size)
    with store.database.write() as connection:
        results = [dict(row) for row in connection.execute(sa.select(runs)).mappings()]
        for number in range(count - len(results)):
            row = {key: value for key, value in results[number % len(results)].items() if key != "id"}
            row["name"] = f"{row['name']} {number % names}"
            row["fingerprint"] = f"{number % (len(results) * names):016d}"
            run_id = connection.execute(sa.insert(runs).returning(runs.c.id), row).scalar_one()
            _copy(connection, records, results[number % len(results)]["id"], run_id)
            _copy(connection, scores, results[number % len(results)]["id"], run_id)
    job = store.start_job("evaluation", name, {"configurations": ["rag"], "evaluation_set": "questions"})
    store.update_job(job, status="finished", result={"runs": [1]})
    with store.database.write() as connection:
        row = dict(connection.execute(sa.select(jobs)).mappings().one())
        kinds = ("evaluation", "estimate", "retrieval-look", "chunk-sweep", "retrieval-measure")
        copies = [{**row, "id": number + 2, "kind": kinds[number % len(kinds)]} for number in range(count // 5)]
        if copies:
            connection.execute(sa.insert(jobs), copies)


def _copy(connection: sa.Connection, table: sa.Table, old: int, new: int) -> None:
    columns = [column.name for column in table.c if column.name not in ("id", "run_id")]
    chosen = sa.select(sa.literal(new), *(table.c[name] for name in columns)).where(table.c.run_id == old)
    connection.execute(sa.insert(table).from_select(["run_id", *columns], chosen))


def rerun(home: Path) -> dict[str, list[float]]:
    """Per page, the seconds of each rerun after the first two."""
    os.environ["LLMOPT_HOME"] = str(home)
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    st.cache_resource.clear()
    st.cache_data.clear()
    app: Any = AppTest.from_file(str(ROOT / "app.py"), default_timeout=300).run()
    taken: dict[str, list[float]] = {}
    for page, key, tab in _tabs():
        app.switch_page(f"pages/{page}.py")
        if tab:
            app.query_params[key] = app.session_state[key] = tab
        for number in range(2 + TIMES):
            started = time.process_time()
            app.run()
            if number >= 2:
                taken.setdefault(f"{page} {tab}".strip(), []).append(time.process_time() - started)
        if app.exception:
            raise RuntimeError(f"{page} {tab}: {app.exception[0].message}")
    return taken


def _tabs() -> Iterator[tuple[str, str, str]]:
    """Every page with each of its tabs, and the key that opens one."""
    from llmopt_ui.documents import tabs as documents
    from llmopt_ui.finetuning import tabs as tuning
    from llmopt_ui.prompts import tabs as prompts
    from llmopt_ui.retrieval import tabs as retrieval

    tabs: dict[str, tuple[str, Iterable[str]]] = {
        "overview": ("", ("",)),
        "documents": (documents.VIEW, documents.TABS),
        "prompt_lab": (prompts.VIEW, prompts.TABS),
        "retrieval_lab": (retrieval.VIEW, retrieval.TABS),
        "finetuning_lab": (tuning.VIEW, tuning.TABS),
        "evaluation": ("evaluation_view", ("Results", "Run", "Configurations", "Questions")),
        "settings": ("", ("",)),
    }
    for page, (key, names) in tabs.items():
        for name in names:
            yield page, key, name


def main() -> None:
    """Seed, measure, print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--names", type=int, default=200)
    parser.add_argument("--records", type=int, default=4)
    parser.add_argument("--home", type=Path)
    asked = parser.parse_args()
    matches = []
    for count in (10, asked.runs):
        home = (asked.home or Path(tempfile.mkdtemp(prefix="llmopt-bench-"))) / str(count)
        store = Store(f"sqlite:///{home / 'llmopt.db'}", home)
        if not store.projects():
            seed(store, count, asked.names, asked.records)
        store.close()
        matches.append(rerun(home))
    print(f"{'page':<34}{'10 runs':>10}{f'{asked.runs} runs':>14}")
    for page, few in matches[0].items():
        print(f"{page:<34}{statistics.median(few):>10.3f}{statistics.median(matches[1][page]):>14.3f}")


if __name__ == "__main__":
    main()
