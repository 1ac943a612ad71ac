"""What our comparison and the four published scripts say about one gold and one prediction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from llmopt_core.databases.comparison import bird, defog, ours, spider, spider2
from llmopt_core.databases.comparison.frames import Frame, ScriptFailure
from llmopt_core.databases.comparison.sql_text import has_one_statement
from llmopt_core.databases.outcome import QueryOutcome

# True, False; "unprovable" from our own comparison alone; None: no verdict, as a query or the script did not end.
Verdict = bool | Literal["unprovable"] | None
Run = Callable[[str], QueryOutcome]

COMPARATORS = ("ours", "spider_test_suite", "spider_test_suite_keep_distinct", "bird", "spider2", "defog")


@dataclass(frozen=True, slots=True)
class Pair:
    """A gold and a prediction.

    Attributes:
        golds: Queries any of which is right; the scripts read the first.
        prediction: The query in question.
        question: The question, which Defog's script reads.
        category: Its category, which Defog's script reads.
        ignore_order: What Spider 2's gold files say of the order of rows; None: it counts where the gold orders.
        defog_gold: What Defog's script takes as gold, with `;` and `{}`; empty: the first gold.
        dialect: Whose SQL it is.
    """

    golds: tuple[str, ...]
    prediction: str
    question: str = ""
    category: str = ""
    ignore_order: bool | None = None
    defog_gold: str = ""
    dialect: str = "sqlite"


def compare_pair(pair: Pair, run: Run, suite: Sequence[Run] = ()) -> dict[str, Verdict]:
    """The verdict of each comparator.

    Args:
        pair: The two queries.
        run: Runs a query on the database.
        suite: The same for each database of its folder, for Spider's test suite; by default the one database.
    """
    verdict = verdict_of_ours(pair, run)
    databases = [_as_scripts_do(one) for one in suite or (run,)]
    run = _as_scripts_do(run)
    return {
        "ours": verdict,
        "spider_test_suite": verdict_of_spider(pair, databases, keep_distinct=False),
        "spider_test_suite_keep_distinct": verdict_of_spider(pair, databases, keep_distinct=True),
        "bird": verdict_of_bird(pair, run),
        "spider2": verdict_of_spider2(pair, run),
        "defog": verdict_of_defog(pair, run),
    }


def _as_scripts_do(run: Run) -> Run:
    """The scripts hand texts to sqlite3 as they are, which refuses a second statement, even an empty one."""

    def run_one_statement(sql: str) -> QueryOutcome:
        if has_one_statement(sql):
            return run(sql)
        return QueryOutcome("error", "You can only execute one statement at a time.")

    return run_one_statement


def verdict_of_ours(pair: Pair, run: Run) -> Verdict:
    """Our own; None where no gold has a result, or a result was cut."""
    golds = []
    for gold in pair.golds:
        outcome = run(gold)
        if _has_result(outcome):
            golds.append((outcome.rows, ours.order_of(gold, outcome.columns, pair.dialect)))
    prediction = run(pair.prediction)
    if not golds or prediction.is_cut:
        return None
    if prediction.status != "ok":
        return False
    verdict = ours.compare_any(golds, prediction.rows)
    return "unprovable" if verdict == "unprovable" else verdict == "same"


def verdict_of_spider(pair: Pair, databases: Sequence[Run], keep_distinct: bool) -> Verdict:
    """Spider's; None where its script crashes or hangs: a blank text, a gold that fails, a query without end."""
    gold = spider.query_that_runs(pair.golds[0], keep_distinct)
    prediction = spider.query_that_runs(pair.prediction, keep_distinct)
    if gold is None or prediction is None:
        return None
    in_order = spider.order_matters(pair.golds[0], keep_distinct)
    for run in databases:
        expected = run(gold)
        if not _has_result(expected):
            return None
        given = run(prediction)
        if _has_no_end(given):
            return None
        same = given.status == "ok" and spider.same_rows(expected.rows, given.rows, in_order)
        if not same:
            return same
    return True


def verdict_of_bird(pair: Pair, run: Run) -> Verdict:
    """BIRD's: a query that fails or takes too long has a single row that says so."""
    return bird.same_rows(_rows_for_bird(run(pair.golds[0])), _rows_for_bird(run(pair.prediction)))


def _rows_for_bird(outcome: QueryOutcome) -> Sequence[tuple[object, ...]]:
    if _has_no_end(outcome):
        return [("timeout",)]
    return outcome.rows if outcome.status == "ok" else [("error",)]


def verdict_of_spider2(pair: Pair, run: Run) -> Verdict:
    """Spider 2's; None where a query has no end."""
    gold, prediction = run(pair.golds[0]), run(pair.prediction)
    if _has_no_end(prediction):
        return None
    if not _is_table(prediction):
        return False
    if _has_no_end(gold):
        return None
    if not _is_table(gold):
        return False
    ignore_order = pair.ignore_order
    if ignore_order is None:
        ignore_order = ours.order_of(pair.golds[0], gold.columns, pair.dialect) is None
    return spider2.holds_columns((gold.columns, gold.rows), (prediction.columns, prediction.rows), ignore_order)


def verdict_of_defog(pair: Pair, run: Run) -> Verdict:
    """Defog's, exact or subset; None where a query has no end, False where its script raises."""
    text = pair.defog_gold or pair.golds[0]
    prediction = run(pair.prediction)
    if _has_no_end(prediction):
        return None
    is_within = False
    try:
        golds = defog.gold_queries(text)
        theirs = _frame(prediction)
        for gold in golds:
            outcome = run(gold)
            if _has_no_end(outcome):
                return None
            found = defog.same_or_within(
                _frame(outcome), theirs, (text, pair.prediction), pair.question, pair.category
            )  # fmt: skip
            if found == "same":
                return True
            is_within = is_within or found == "within"
    except ScriptFailure:
        return False
    return is_within


def _frame(outcome: QueryOutcome) -> Frame:
    if not _is_table(outcome):
        raise ScriptFailure(outcome.reason)
    return Frame.of(outcome.columns, outcome.rows)


def _has_result(outcome: QueryOutcome) -> bool:
    return outcome.status == "ok" and not outcome.is_cut


def _is_table(outcome: QueryOutcome) -> bool:
    # A blank text and a comment alone run in SQLite, and have no columns.
    return outcome.status == "ok" and bool(outcome.columns)


def _has_no_end(outcome: QueryOutcome) -> bool:
    return outcome.status == "ended" or outcome.is_cut
