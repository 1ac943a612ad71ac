"""What the four layers around a query cost, and whether they hold.

A warm query through the executor against the same query on an open connection in this process, by turns; medians of the
clock, so that a busy machine shows in both. With `--attacks DIR`, a folder with `attacks_visible.jsonl` and
`attacks_benign.jsonl`, every attack is run as well: how many are refused, ended, or ran, and how late the last one was.
PostgreSQL is part of it where `--postgres URL` names a database that may be filled.

    python benchmarks/sql_executor.py [--rounds 200] [--attacks DIR] [--postgres URL]
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from llmopt_core.databases.executor import SqlExecutor
from llmopt_core.databases.limits import QueryLimits
from llmopt_core.databases.source import DataSource

GOAL_MILLISECONDS, GRACE_SECONDS = 15.0, 0.5
SCRIPT = """
CREATE TABLE restaurant (id INTEGER PRIMARY KEY, name VARCHAR(50), rating DOUBLE PRECISION, city_name VARCHAR(50));
CREATE TABLE location (restaurant_id INTEGER, street_name VARCHAR(50), city_name VARCHAR(50));
CREATE TABLE geographic (city_name VARCHAR(50), region VARCHAR(50));
INSERT INTO location VALUES (1, 'Broadway', 'New York'), (2, 'Midosuji', 'Osaka');
INSERT INTO restaurant VALUES (1, 'A', 4.5, 'New York'), (2, 'B', 3.9, 'Osaka'), (3, 'C', NULL, 'New York'),
    (4, 'D', 4, 'Paris'), (5, 'E', 4, 'Paris'), (6, 'F', 4, 'Paris'), (7, 'G', 4, 'Paris'), (8, 'H', 4, 'Paris'),
    (9, 'I', 4, 'Paris'), (10, 'J', 4, 'Paris'), (11, 'K', 4, 'Paris');
"""
QUERY = (
    "SELECT r.city_name, count(*) AS number, avg(r.rating) AS mean FROM restaurant r LEFT JOIN location l "
    "ON l.restaurant_id = r.id WHERE r.rating > 3 GROUP BY r.city_name ORDER BY number DESC, r.city_name LIMIT 10"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--attacks", type=Path)
    parser.add_argument("--postgres", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        sources = make_sources(Path(folder), options.postgres)
        good = all([measure(dialect, source, options.rounds) for dialect, source in sources.items()])
        if options.attacks:
            good &= attack(sources, options.attacks)
    return 0 if good else 1


def make_sources(folder: Path, postgres: str) -> dict[str, DataSource]:
    import duckdb

    lite, duck = folder / "shop.sqlite", folder / "shop.duckdb"
    with sqlite3.connect(lite) as connection:
        connection.executescript(SCRIPT)
    connection.close()
    with duckdb.connect(str(duck)) as local:
        local.execute(SCRIPT)
    sources = {"sqlite": DataSource.parse(lite), "duckdb": DataSource.parse(duck)}
    if postgres:
        import psycopg

        with psycopg.connect(postgres, autocommit=True) as server:
            server.execute("DROP TABLE IF EXISTS restaurant, location, geographic")
            server.execute(SCRIPT)
        sources["postgres"] = DataSource.parse(postgres)
    return sources


def measure(dialect: str, source: DataSource, rounds: int) -> bool:
    """Print the overhead of a warm query; whether it is within the goal."""
    executor = SqlExecutor(source)
    outcome = executor.run(QUERY)
    direct = open_directly(dialect, source)
    assert [tuple(map(float_or_text, row)) for row in outcome.rows] == [
        tuple(map(float_or_text, row)) for row in direct()
    ], outcome.reason
    inside, through = [], []
    for _ in range(rounds):
        inside.append(seconds(direct))
        through.append(seconds(lambda: executor.run(QUERY)))
    overhead = 1000 * (statistics.median(through) - statistics.median(inside))
    worst = 1000 * (sorted(through)[int(0.95 * rounds)] - statistics.median(inside))
    print(
        f"{dialect}: in process {1000 * statistics.median(inside):.2f} ms, through the executor "
        f"{1000 * statistics.median(through):.2f} ms: {overhead:.1f} ms more (95 %: {worst:.1f} ms; "
        f"goal {GOAL_MILLISECONDS:.0f} ms)"
    )
    return overhead <= GOAL_MILLISECONDS


def open_directly(dialect: str, source: DataSource) -> Callable[[], list[tuple[Any, ...]]]:
    if dialect == "postgres":
        import psycopg

        server = psycopg.connect(source.where, autocommit=True)
        return lambda: server.execute(QUERY).fetchall()
    if dialect == "sqlite":
        lite = sqlite3.connect(source.where)
        return lambda: lite.execute(QUERY).fetchall()
    import duckdb

    # A copy: the file itself is open in the executor's child.
    local = duckdb.connect()
    local.execute(SCRIPT)
    return lambda: local.execute(QUERY).fetchall()


def float_or_text(value: Any) -> Any:
    return value if isinstance(value, str) or value is None else round(float(value), 9)


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def attack(sources: dict[str, DataSource], folder: Path) -> bool:
    """Run both lists; whether all attacks were refused or ended in time, and all look-alikes ran."""
    limits = QueryLimits(seconds=2.0)
    executors = {dialect: SqlExecutor(source, limits) for dialect, source in sources.items()}
    good, latest = True, 0.0
    counts: Counter[tuple[str, str, str]] = Counter()
    for name in ("attacks_benign.jsonl", "attacks_visible.jsonl"):
        for row in map(json.loads, (folder / name).read_text(encoding="utf-8").splitlines()):
            if row["dialect"] not in executors:
                continue
            written = Path(row.get("must_not_exist") or folder / "none")
            written.parent.mkdir(parents=True, exist_ok=True)
            outcome = executors[row["dialect"]].run(row["sql"])
            counts[row["dialect"], row["expected"], outcome.status] += 1
            latest = max(latest, outcome.seconds)
            allowed = {"allowed": ("ok",), "refused": ("refused",)}.get(row["expected"], ("refused", "ended", "ok"))
            if outcome.status not in allowed or written.exists():
                good = False
                print(f"{row['id']}: {outcome.status}, {outcome.reason}, file written: {written.exists()}")
    for (dialect, expected, status), count in sorted(counts.items()):
        print(f"{dialect}, expected {expected}: {count} {status}")
    print(f"the slowest took {latest:.2f} s of {limits.seconds:g} s (goal: {limits.seconds + GRACE_SECONDS:g} s)")
    for executor in executors.values():
        assert executor.run("SELECT count(*) FROM restaurant").rows == ((11,),)
    return good and latest <= limits.seconds + GRACE_SECONDS


if __name__ == "__main__":
    raise SystemExit(main())
