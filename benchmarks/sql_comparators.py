"""Do our comparators say what the published scripts said? `python -m benchmarks.sql_comparators FOLDER`.

FOLDER holds `pairs_A.jsonl`, `suite_pairs.jsonl` and `suite_database/` of the official verdicts, and beside it lie the
databases. Pairs that another SQLite version may answer otherwise are counted apart.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from llmopt_core.databases.comparison.difficulty import difficulty
from llmopt_core.databases.comparison.pair_file import compare_file, runner_of
from llmopt_core.databases.comparison.verdicts import Pair, verdict_of_spider
from llmopt_core.databases.query_rows import DatabaseFolder


def main(folder: Path) -> None:
    begin = time.process_time()
    _pairs(folder)
    print(f"{time.process_time() - begin:.1f} s of this process, without its children")
    _suite(folder)
    for name in ("hardness_A.jsonl", "hardness_train_sample.jsonl"):
        _difficulty(folder / name)


def _read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def _pairs(folder: Path) -> None:
    expected = {row["id"]: row for row in _read(folder / "pairs_A.jsonl")}
    agreed: Counter[tuple[str, bool]] = Counter()
    seen: Counter[bool] = Counter()
    kinds: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    headline: Counter[str] = Counter()
    for name, verdicts in compare_file(folder / "pairs_A.jsonl", folder.parent):
        row = expected[name]
        depends = bool(row["engine_dependent"])
        seen[depends] += 1
        headline[str(verdicts["ours"])] += 1
        wrong = [script for script, verdict in row["verdicts"].items() if verdicts[script] != verdict]
        agreed.update((script, depends) for script in row["verdicts"] if script not in wrong)
        kinds[row["mutation"]][0] += not depends
        kinds[row["mutation"]][1] += not depends and not wrong
        if wrong and not depends:
            print(f"differs: {name} {row['mutation']} {wrong} {row['prediction'][:100]!r}")
    for depends in (False, True):
        print(f"{'engine-dependent' if depends else 'stable'}: {seen[depends]} pairs")
        for script in next(iter(expected.values()))["verdicts"]:
            print(f"  {script:34} {agreed[script, depends]} / {seen[depends]}")
    short = {kind: count for kind, count in kinds.items() if count[0] != count[1]}
    print(f"kinds of change with full agreement: {len(kinds) - len(short)} of {len(kinds)}; not: {short}")
    print(f"ours: {dict(headline)}")


def _suite(folder: Path) -> None:
    databases = DatabaseFolder(folder / "suite_database")
    agreed, seen = 0, 0
    for row in _read(folder / "suite_pairs.jsonl"):
        paths = databases.suite(row["database"], row["pair_id"])
        pair = Pair((row["gold"],), row["prediction"])
        for field, files in (("on_one_database", paths[:1]), ("on_three_databases", paths)):
            for script, expected in row[field].items():
                result = verdict_of_spider(pair, [runner_of(path) for path in files], script.endswith("keep_distinct"))
                seen += 1
                agreed += result == expected
                if result != expected:
                    print(f"differs: {row['pair_id']} {field} {script}: {result}, expected {expected}")
    print(f"suite of three databases: {agreed} / {seen} verdicts")


def _difficulty(path: Path) -> None:
    rows = _read(path)
    wrong = [row for row in rows if difficulty(row["gold"]) != row["level"]]
    for row in wrong[:5]:
        print(f"differs: {row['level']} {difficulty(row['gold'])} {row['gold']}")
    print(f"{path.name}: {len(rows) - len(wrong)} / {len(rows)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
