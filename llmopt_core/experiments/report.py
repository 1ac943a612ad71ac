"""A result -> the report about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, tzinfo
from pathlib import Path
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.judge_agreement import judge_note
from llmopt_core.evaluation.metrics.registry import METRICS
from llmopt_core.experiments.caveats import caveats, run_caveats
from llmopt_core.experiments.colours import colours_in
from llmopt_core.experiments.imported_runs import ImportSource
from llmopt_core.experiments.leaderboard import Cell, Row, leaderboard
from llmopt_core.experiments.margin import margin_in
from llmopt_core.experiments.result_file import Result, is_number, result_family, score_tables
from llmopt_core.experiments.run_scores import baseline_position, higher_is_better
from llmopt_core.experiments.run_votes import votes_table_in
from llmopt_core.reporting import formatting
from llmopt_core.reporting.glossary import explain_terms
from llmopt_core.reporting.page import (
    Report,
    ReportAnswer,
    ReportCell,
    ReportExample,
    ReportMetric,
    ReportRun,
    render,
    spread,
)
from llmopt_core.reporting.verdict_words import margin_words, unit_note, verdict_words
from llmopt_core.statistics.verdict import MARGIN
from llmopt_core.types.grouping import group_values
from llmopt_core.workspace import write_output


def write_report(result: Result, path: Path, *, baseline: str = "", title: str = "") -> int:
    """Write one self-contained HTML file. Returns its size in bytes.

    Raises:
        BadInput: There is no run, or none of the baseline's name.
        StorageError: The file cannot be written.
    """
    return write_output(path, render(report_of(result, baseline, title)))


def report_of(result: Result, baseline: str = "", title: str = "", zone: tzinfo | None = None) -> Report:
    """What the report of a result shows.

    Args:
        result: What `result_of` gives, or what stands in a file of it.
        baseline: What the others are compared with; the configuration named baseline, or the first, if empty.
        title: Its heading.
        zone: In which its days are told; that of this machine if None.

    Raises:
        BadInput: There is no run, or none of the baseline's name.
    """
    runs = result["runs"]
    names = [str(run["configuration"]) for run in runs]
    if not runs:
        raise BadInput("The result has no runs to report.")
    if baseline and baseline not in names:
        raise BadInput(f"The result has no configuration named {baseline}; it has: {', '.join(names)}.")
    position = names.index(baseline) if baseline else baseline_position(names)
    metrics = list(dict.fromkeys(name for run in runs for name in run["metrics"]))
    family = result_family(result)
    margin = margin_in(result) or MARGIN
    rows = leaderboard(score_tables(result), metrics, position, family, margin)
    labels, colours = run_labels(names), colours_in(result)
    return Report(
        title=title or f"{result.get('project', 'Evaluation')}: {len(runs)} configurations compared",
        subtitle=_subtitle(result, zone),
        baseline=labels[position],
        runs=tuple(
            ReportRun(label, _facts(run), run_caveats(run).overlap_count > 0, question_count)
            for label, run, question_count in zip(labels, runs, _question_counts(runs), strict=True)
        ),
        caveats=(
            *(
                (caveat.text, caveat.severe)
                for caveat in caveats([run_caveats(*p) for p in zip(runs, labels, strict=True)])
            ),
            *((note, False) for note in [judge_note(str(result.get("judge") or ""), metrics)] if note),
        ),
        # False sorts before true, and the order within both stays.
        metrics=tuple(_metric(name, rows) for name in sorted(metrics, key=lambda name: _is_partial(name, rows))),
        tested=f"{family.in_short} {margin_words(margin)} {explain_terms('p')}",
        method=family.words,
        examples=_examples(runs, labels),
        colours={label: colours[name] for label, name in zip(labels, names, strict=True) if name in colours},
        votes=votes_table_in(result, names),
    )


def run_labels(names: Sequence[str]) -> list[str]:
    """Names, numbered where one stands twice."""
    return [name if names.count(name) == 1 else f"{name} ({i + 1})" for i, name in enumerate(names)]


def _question_counts(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """How many questions each run was asked, where they differ; else empty texts."""
    sets = [{str(record["example_id"]) for record in run["records"]} for run in runs]
    # By id, not by number: two runs over twenty questions each may have been asked different ones.
    is_same = all(one == sets[0] for one in sets)
    return ["" if is_same else formatting.questions([len(one)]) for one in sets]


def _subtitle(result: Result, zone: tzinfo | None) -> str:
    questions = _mapping(result.get("evaluation_set"))
    size = questions.get("size")
    question_count = formatting.questions(
        [len(run["records"]) for run in result["runs"]], size if isinstance(size, int) else None
    )
    parts = [f"{questions.get('name', 'questions')}, {question_count}"]
    if result.get("judge"):
        parts.append(f"graded by {result['judge']}")
    return "; ".join([*parts, *_dates(result, zone)])


def _dates(result: Result, zone: tzinfo | None) -> list[str]:
    """When the runs were made, and the report."""
    dates = sorted(filter(None, (_read_day(run.get("created_at"), zone) for run in result["runs"])))
    days = list(dict.fromkeys(formatting.day(day) for day in (dates[:1] + dates[-1:])))
    run_dates = [f"evaluated on {' to '.join(days)}"] if days else []
    return [*run_dates, f"report of {formatting.day(datetime.now(UTC).astimezone(zone))}"]


def _read_day(moment: Any, zone: tzinfo | None) -> date | None:
    try:
        when = datetime.fromisoformat(str(moment))
        # A moment without an offset, and a day alone, stay the day that is written.
        return (when.astimezone(zone) if when.tzinfo else when).date()
    # In a file that was edited, or made by another program; OverflowError at the ends of the calendar.
    except (ValueError, OverflowError):
        return None


def _facts(run: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    tokens = _mapping(run.get("tokens"))
    records = run["records"]
    source = run_caveats(run).source
    answer_count = sum(not record.get("failure") and record.get("answer", "") is not None for record in records)
    cost = _float(run.get("cost_usd"))
    return (
        ("status", str(run.get("status", "unknown"))),
        ("answered", "not recorded" if source and not source.has_answers else f"{answer_count} of {len(records)}"),
        ("model calls", _calls(run)),
        ("tokens", _token_words(tokens)),
        ("cost", "unknown" if cost is None else formatting.money(cost)),
        ("per question", _per_question(run.get("per_question"))),
        ("wall time", formatting.duration(_float(run.get("seconds")))),
        ("fingerprint", str(run.get("fingerprint", ""))),
        ("documents", _documents(run)),
        *_imported_facts(source),
    )


def _token_words(tokens: Mapping[str, Any]) -> str:
    inputs, outputs = tokens.get("prompt", 0), tokens.get("completion", 0)
    return "unknown" if inputs is None and outputs is None else f"{_count(inputs)} in, {_count(outputs)} out"


def _imported_facts(source: ImportSource | None) -> tuple[tuple[str, str], ...]:
    if source is None:
        return ()
    return (
        ("source", f"{source.words} {source.version}".strip()),
        ("configuration", source.configuration),
        ("files", ", ".join(source.files)),
    )


def _calls(run: Mapping[str, Any]) -> str:
    cache_note = f" and {_count(run['cached_calls'])} from the cache" if run.get("cached_calls") else ""
    return f"{_count(run.get('model_calls', 0))}{cache_note}"


def _per_question(each: Any) -> str:
    """Over what was asked afresh: what came from the cache took less than it would."""
    if not isinstance(each, Mapping) or not each.get("asked"):
        return "not known" if not isinstance(each, Mapping) or not each.get("cached") else "from the cache"
    parts = [
        formatting.duration(_float(each.get("seconds"))),
        f"{formatting.number(_float(each.get('tokens')))} tokens",
    ]
    if (cost := _float(each.get("cost_usd"))) is not None:
        parts.append(formatting.money(cost))
    cache_note = f" (over {each['asked']} asked, {each['cached']} more from the cache)" if each.get("cached") else ""
    return ", ".join(parts) + cache_note


def _documents(run: Mapping[str, Any]) -> str:
    if run_caveats(run).source:
        return "not recorded"
    if not run.get("uses_documents", True):
        return "not used"
    return str(run.get("documents_version") or "not recorded")


def _is_partial(name: str, rows: Sequence[Row]) -> bool:
    """Whether a metric scored some configurations alone; what compares all of them comes first."""
    return any(row.cells[name].summary.mean is None for row in rows)


def _metric(name: str, rows: Sequence[Row]) -> ReportMetric:
    info = METRICS.get(name)
    return ReportMetric(
        name,
        info.title if info else name,
        info.explanation if info else "",
        higher_is_better(name),
        tuple(_cell(row.cells[name]) for row in rows),
    )


def _cell(cell: Cell) -> ReportCell:
    summary, versus = cell.summary, cell.versus
    report_cell = ReportCell(summary.mean, summary.low, summary.high, summary.scored, summary.total)
    if versus is None or versus.difference is None:
        return report_cell
    return replace(
        report_cell,
        difference=versus.difference,
        difference_low=versus.low,
        difference_high=versus.high,
        p_value=versus.p_value,
        verdict=versus.verdict,
        verdict_words=verdict_words(versus),
        note=cell.note,
        unit=unit_note(versus.pairs, versus.clusters),
        inside_judge_noise=versus.inside_judge_noise,
    )


def _examples(runs: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> tuple[ReportExample, ...]:
    labelled_records = [(label, record) for run, label in zip(runs, labels, strict=True) for record in run["records"]]
    by_id = group_values((str(record["example_id"]), (label, record)) for label, record in labelled_records)
    # What the runs differ on most comes first; equal ones stay in the order of the set.
    ordered_groups = sorted(by_id.items(), key=lambda item: -_disagreement([record for _, record in item[1]]))
    return tuple(_example(example_id, group) for example_id, group in ordered_groups)


def _disagreement(records: Sequence[Mapping[str, Any]]) -> float:
    metrics = dict.fromkeys(name for record in records for name in record["scores"])
    values = [[(record["scores"].get(name) or {}).get("value") for record in records] for name in metrics]
    return sum(spread(row) for row in values)


def _example(example_id: str, records: Sequence[tuple[str, Mapping[str, Any]]]) -> ReportExample:
    first = records[0][1]
    answers = tuple(_answer(label, record) for label, record in records)
    expected_answer = " · ".join(map(str, first.get("right_answers") or [first.get("reference") or ""]))
    return ReportExample(example_id, str(first.get("question", "")), expected_answer, answers)


def _answer(label: str, record: Mapping[str, Any]) -> ReportAnswer:
    failure = record.get("failure") or {}
    reason = failure.get("message", "") if isinstance(failure, Mapping) else str(failure)
    text = record.get("answer")
    # Nothing was asked, as with a check that is not supported: then each score says why.
    if text is None and not reason:
        reason = next((score["failure"] for score in record["scores"].values() if score and score.get("failure")), "")
    return ReportAnswer(
        label,
        None if text is None else str(text),
        str(reason) or str(record.get("ending") or ""),
        tuple(_context(context) for context in record.get("contexts") or ()),
        tuple(_score(name, score or {}) for name, score in record["scores"].items()),
    )


def _context(context: Mapping[str, Any]) -> tuple[str, str, float | None]:
    # Files of other tools often hold the text of a context alone.
    has_place = context.get("start") is not None and context.get("end") is not None
    span = f" {context['start']}-{context['end']}" if has_place else ""
    place = f"{context.get('document') or 'document not recorded'}{span}"
    return place, str(context.get("text", "")), _float(context.get("score"))


def _score(name: str, score: Mapping[str, Any]) -> tuple[str, float | None, str]:
    title = METRICS[name].title if name in METRICS else name
    return title, _float(score.get("value")), str(score.get("explanation") or score.get("failure") or "")


# Fields that the reader of results does not check may hold anything.


def _float(value: Any) -> float | None:
    return float(value) if is_number(value) else None


def _count(value: Any) -> str:
    return f"{value:,}" if is_number(value) else "unknown"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
