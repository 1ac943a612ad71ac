"""Two configurations head to head: means, verdict, what flips both ways, categories, and records side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS, metric_title
from llmopt_core.experiments.caveats import caveats_of
from llmopt_core.experiments.current_runs import current_runs, family_runs
from llmopt_core.experiments.flips import Flip
from llmopt_core.experiments.run_scores import baseline_position
from llmopt_core.labs.evaluation.head_to_head import HeadToHead, head_to_head
from llmopt_core.reporting.verdict_words import unit_note, verdict_words
from llmopt_core.runs.values import Project, Run
from llmopt_core.types import Example
from llmopt_ui import format as fmt
from llmopt_ui.button_to import button_to
from llmopt_ui.caveats import caveats_view
from llmopt_ui.chart_view import show_chart
from llmopt_ui.colours import project_inks
from llmopt_ui.components import empty_state, section, side_by_side
from llmopt_ui.copy_link import copy_link
from llmopt_ui.evaluation.comparison import (
    EXAMPLE,
    JUDGE,
    MARGIN_FIELD,
    SET,
    choose_set,
    margin_field,
    order_evaluations_first,
)
from llmopt_ui.evaluation.examples import read_record
from llmopt_ui.evaluation.pair_address import BY, FIRST, SECOND
from llmopt_ui.evaluation.pair_charts import two_means
from llmopt_ui.evaluation_sets import set_version
from llmopt_ui.navigation import EVALUATION
from llmopt_ui.pickers import address_arguments
from llmopt_ui.record_view import answers, question_card
from llmopt_ui.resources import store
from llmopt_ui.runs.results import comparison_family, leading_metrics, score_tables
from llmopt_ui.tables import data_table, show_table
from llmopt_ui.theme import Ink, comparison_style


def head_to_head_view(project: Project, runs: Sequence[Run]) -> None:
    """The whole tab; what it shows stands in the address."""
    there = order_evaluations_first([run for run in runs if run.done and run.metrics])
    bar = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    where = choose_set(bar, there) if there else ("", "", "")
    configurations = store().configurations(project)
    current = current_runs(there, *where, order=[item.name for item in configurations])
    names = list(current)
    if len(names) < 2:
        with empty_state("Nothing to compare yet", "Evaluate two configurations on the same questions."):
            button_to(EVALUATION, "Go to Run", "pair_to_run", "Run")
        return
    usual = names[baseline_position(names)]
    first = str(bar.selectbox("First", names, width=220, **address_arguments(FIRST, names, usual)))
    rest = [name for name in names if name != first]
    second = str(bar.selectbox("Second", rest, width=220, **address_arguments(SECOND, rest, rest[-1])))
    pair = {first: current[first], second: current[second]}
    metrics = [metric for metric in METRICS if all(metric in run.metrics for run in pair.values())]
    if not metrics:
        st.caption("These two have no metric in common.")
        return
    metric = str(
        bar.selectbox(
            "Metric", metrics, width=220, format_func=metric_title,
            **address_arguments(BY, metrics, leading_metrics(metrics)[0]),
        )
    )  # fmt: skip
    margin = margin_field(bar, project)
    pins = {name: str(st.session_state.get(name, "")) for name in (SET, JUDGE, MARGIN_FIELD)}
    with bar:
        copy_link(project, "Head to head", {FIRST: first, SECOND: second, BY: metric, **_known(pins)}, "pair_link",
                  "A link to these two.")  # fmt: skip
    family = comparison_family(family_runs(there, configurations, *where))
    examples = _examples(project, where[0], where[1])
    tables = score_tables(pair)
    categories = {example.id: example.category or "" for example in examples.values()}
    result = head_to_head(tables[0], tables[1], metric, categories, family, margin)
    inks = project_inks(project, names)
    if result.comparison.difference is None:
        # An empty picture and tables of dashes would say no more.
        empty_state("Nothing to compare by this metric", "No question has a value in both. Choose another metric.")
        if (named := st.query_params.get(EXAMPLE, "")) in examples:
            _records(pair, named, inks, metrics)
        return
    _summary(result, first, second, metric, inks)
    st.caption(fmt.markdown(family.level_words))
    caveats_view(caveats_of(store(), list(pair.values()), list(pair)))
    _categories(result)
    example = _flips(result, second, examples)
    if example:
        _records(pair, example, inks, metrics)


def _known(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _examples(project: Project, set_name: str, version: str) -> dict[str, Example]:
    try:
        return {example.id: example for example in set_version(project, set_name, version).examples}
    # Deleted since; ids stand for the questions then.
    except BadInput:
        return {}


def _summary(result: HeadToHead, first: str, second: str, metric: str, inks: Mapping[str, Ink]) -> None:
    comparison = result.comparison
    left, right = side_by_side([3, 2], "pair_summary")
    with left:
        figure = two_means(dict(zip((first, second), result.means, strict=True)), inks, metric_title(metric))
        show_chart(figure, f"pair_means_{metric}", "Means of both with their intervals")
    with right:
        st.markdown(f"#### {comparison_style(comparison).markdown}")
        change = fmt.change(comparison.difference, comparison.low, comparison.high)
        st.markdown(f"**{fmt.markdown(second)}** against {fmt.markdown(first)}: "
                    f"{fmt.markdown(verdict_words(comparison))}. Difference {change}.")  # fmt: skip
        parts = [
            f"p {fmt.p_value(comparison.p_value)}",
            unit_note(comparison.pairs, comparison.clusters),
            *([f"{comparison.dropped:,} left out, with a value on one side only"] if comparison.dropped else []),
            f"margin {fmt.number(comparison.margin)}",
        ]
        st.caption(fmt.markdown(" · ".join(parts)), help=fmt.markdown(f"Reckoned by: {comparison.method}."))
        coverage = " · ".join(
            f"{name}: {one.scored:,} of {one.total:,} scored"
            for name, one in zip((first, second), result.means, strict=True)
        )
        st.caption(fmt.markdown(coverage))


def _categories(result: HeadToHead) -> None:
    if not result.categories:
        return
    section("By category", "Corrected over all categories; with few questions each most cannot be told.")
    rows = [
        {
            "Category": f"**{fmt.markdown(name or 'none')}**",
            "Questions": f"{one.pairs:,}" + (f"  \n:gray[{one.dropped:,} left out]" if one.dropped else ""),
            "First": fmt.score(one.before),
            "Second": fmt.score(one.after),
            "Difference": fmt.change(one.difference, one.low, one.high),
            "Verdict": comparison_style(one).markdown,
        }
        for name, one in result.categories.items()
    ]
    show_table(rows, "Both by category of question", "pair_categories")


def _flips(result: HeadToHead, second: str, examples: Mapping[str, Example]) -> str:
    """Both lists; gives the id of the question that is open, empty where none flips."""
    flips = result.flips
    section("What flips", "The questions that the two score differently; only these move the difference.")
    columns = side_by_side([1, 1], "pair_flips")
    chosen = ""
    for place, title, rows in zip(columns, ("Gained", "Lost"), (flips.gained, flips.lost), strict=True):
        with place:
            st.markdown(f"**{title} with {fmt.markdown(second)}: {len(rows):,}**")
            chosen = _flip_table(title, rows, examples) or chosen
    missing = f", {len(flips.missing):,} with a value on one side only" if flips.missing else ""
    st.caption(f"{fmt.plural(flips.equal, 'question')} with equal scores{missing}.")
    if chosen:
        st.query_params[EXAMPLE] = chosen
    ids = [one.example_id for one in (*flips.gained, *flips.lost)]
    named = st.query_params.get(EXAMPLE, "")
    # A link may name a question that does not flip: it is shown as well, where the set has it.
    return named if named in ids or named in examples else next(iter(ids), "")


def _flip_table(title: str, rows: Sequence[Flip], examples: Mapping[str, Example]) -> str:
    if not rows:
        st.caption("No question.")
        return ""
    table = pd.DataFrame(
        {
            "Question": [examples[one.example_id].question if one.example_id in examples else one.example_id
                         for one in rows],
            "First": [fmt.score(one.before) for one in rows],
            "Second": [fmt.score(one.after) for one in rows],
        }
    )  # fmt: skip
    event = data_table(
        table, room=300, height=300, key=f"pair_flips_{title}", on_select="rerun", selection_mode="single-row",
        alt=f"{title}: questions with both scores",
        column_config={name: st.column_config.TextColumn(alignment="right") for name in ("First", "Second")},
    )  # fmt: skip
    places = [place for place in event.selection.rows if place < len(rows)]
    return rows[places[0]].example_id if places else ""


def _records(pair: Mapping[str, Run], example: str, inks: Mapping[str, Ink], metrics: Sequence[str]) -> None:
    records = {name: read_record(run.id, run.done, example) for name, run in pair.items()}
    record_there = next((record for record in records.values() if record is not None), None)
    if record_there is None:
        st.caption("Neither has answered this question yet.")
        return
    section("Side by side")
    question_card(record_there.example)
    answers(records, inks, leading_metrics(metrics))
