"""The runs of a file as a ladder, where no project tells what was decided: each against its parent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmopt_core.errors import LlmOptError
from llmopt_core.experiments.comparison_family import Family
from llmopt_core.experiments.configuration_changes import describe_configuration_changes
from llmopt_core.experiments.leaderboard import compare_runs, summarize_run
from llmopt_core.experiments.margin import margin_in
from llmopt_core.experiments.result_file import is_number, result_family
from llmopt_core.experiments.run_scores import common_examples, higher_is_better
from llmopt_core.labs.evaluation.ladder.proposal import BASELINE, cost_change, propose
from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section
from llmopt_core.labs.evaluation.report.source import ReportSource
from llmopt_core.runs.values import PerQuestion
from llmopt_core.statistics.intervals import Summary


def file_ladder(source: ReportSource) -> Ladder:
    """A ladder of proposals: nobody has decided anything in a file."""
    family = result_family(source.result)
    parents = _parents(source, family)
    rungs = tuple(
        _rung(source, position, i, parents.get(i), family)
        for position, i in enumerate(_order(source, parents), start=1)
    )
    values = source.result.get("evaluation_set")
    questions = values if isinstance(values, Mapping) else {}
    section = Section(
        str(questions.get("name") or "questions"),
        str(questions.get("version") or ""),
        str(source.result.get("judge") or ""),
        None,
        rungs,
        "Each is compared with its parent in the file, else with the baseline. What was decided stands in the project, "
        "not in the file this report was made of: the verdicts propose.",
    )
    project = str(source.result.get("project") or "the file")
    return Ladder(project, source.metric, higher_is_better(source.metric), (section,))


def _parents(source: ReportSource, family: Family) -> dict[int, int]:
    """By run the one that it is compared with: its parent where that is in the file, else the baseline."""
    places = {str(run["configuration"]): i for i, run in reversed(list(enumerate(source.runs)))}
    found = {}
    for i, run in enumerate(source.runs):
        parent = places.get(family.parent_of(str(run["configuration"])) or str(run.get("parent") or ""))
        if i != source.baseline:
            found[i] = source.baseline if parent is None or parent == i else parent
    return found


def _order(source: ReportSource, parents: Mapping[int, int]) -> list[int]:
    """The baseline, and each behind what it is compared with, else as in the file."""
    order, waiting = [source.baseline], [i for i in range(len(source.labels)) if i != source.baseline]
    while waiting:
        # A file may hold a circle of parents, or a chain that goes round the baseline.
        following = next((i for i in waiting if parents[i] in order), waiting[0])
        order.append(following)
        waiting.remove(following)
    return order


# Five arguments: whose, where it stands, which, against which, and what it is tested together with.
def _rung(source: ReportSource, position: int, i: int, parent: int | None, family: Family) -> Rung:
    each, name, table = _each(source.runs[i]), source.labels[i], source.tables[i]
    mark = "trained or chosen on these questions" if table.seen else ""
    summary = summarize_run(table, source.metric) if source.metric else Summary(None, None, None, 0, 0)
    if parent is None:
        return Rung(position, name, None, "", BASELINE, summary, each=each, mark=mark)
    base = source.tables[parent]
    has_pairs = bool(source.metric) and bool(common_examples(base, table))
    compared = compare_runs(base, table, source.metric, family, margin_in(source.result)) if has_pairs else None
    compared = compared if compared is not None and compared.pairs else None
    missing = f"no score by this metric: {name}" if summary.mean is None else ""
    label = source.labels[parent]
    proposal = propose(label, compared, cost_change(_each(source.runs[parent]), each), missing)
    return Rung(
        position, name, None, "", proposal, summary, parent=label, changes=_changes(source, parent, i),
        comparison=compared, each=each, mark=mark,
    )  # fmt: skip


def _changes(source: ReportSource, before: int, after: int) -> tuple[str, ...]:
    first, second = (source.runs[i].get("spec") for i in (before, after))
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return ()
    try:
        return describe_configuration_changes(first, second)
    # A file may hold anything; the ladder stands without what was changed.
    except (LlmOptError, TypeError, ValueError, AttributeError):
        return ()


def _each(run: Mapping[str, Any]) -> PerQuestion:
    values = run.get("per_question")
    if not isinstance(values, Mapping):
        return PerQuestion()
    asked, cached = (int(values[name]) if is_number(values.get(name)) else 0 for name in ("asked", "cached"))
    cost, seconds, each_tokens = (
        float(values[name]) if is_number(values.get(name)) else None for name in ("cost_usd", "seconds", "tokens")
    )
    return PerQuestion(asked, cached, each_tokens, seconds, cost)
