"""The grid: summary per column, filters, a page of rows; answers stream into it while a comparison runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from llmopt_core.evaluation.metrics.catalogue import metric_title
from llmopt_core.experiments.comparison import Comparison, earlier_state
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.labs.prompts.board import Board
from llmopt_core.labs.prompts.columns import Column
from llmopt_core.labs.prompts.grid import Filter, Grid, missing_cells
from llmopt_core.reporting.progress_summary import summarize_progress
from llmopt_core.runs.values import Project
from llmopt_core.types import Usage
from llmopt_ui import format as fmt
from llmopt_ui.budget import budget_field
from llmopt_ui.caveats import documents_now, overlap_sentences
from llmopt_ui.colours import project_inks
from llmopt_ui.components import plain_fragment, show_error, show_errors, show_problem
from llmopt_ui.pickers import address_arguments
from llmopt_ui.progress import ProgressCard
from llmopt_ui.prompts.downloads import grid_downloads
from llmopt_ui.prompts.grid_rows import Page, draw_rows
from llmopt_ui.prompts.live import ask_again, compute_columns, grid_of, live_comparisons, new_budget_key
from llmopt_ui.prompts.watch import count_ended, watch_grid
from llmopt_ui.resources import models
from llmopt_ui.theme import Ink, comparison_style

FILTER, PAGE, DIFFERENCES = "show", "page", "marked"
PER_PAGE = 10
"""More rows of several answers each take seconds to draw, and are not read at one go."""
_FILTERS: dict[Filter, str] = {
    "all": "All", "failures": "Failures", "different": "Different", "regressions": "Regressions"
}  # fmt: skip
_HELP = (
    "Failures: an answer or a repeat did not come, is empty or did not pass; or, where no assertion decides, has the "
    "worst score there is, or its row got a thumb down. Different: the answers are not the same text. "
    "Regressions: the first column passes (or scores higher) and another does not."
)


@plain_fragment
def grid_view(project: Project, comparison: Comparison) -> None:
    """The whole grid of one comparison."""
    show_problem()
    board = live_comparisons().board(comparison.id)
    grid = grid_of(project, comparison, board)
    inks = project_inks(project, grid.names)
    colours = [inks[name] for name in grid.names]
    # Above the grid: what is missing decides how far the rest can be trusted.
    _missing_answers(comparison, grid, board)
    if board is None:
        _mark_earlier_state(project, comparison)
    card = _card(comparison) if board is not None else None
    # Empty places that are drawn over while answers come.
    head = [column.empty() for column in st.columns(len(grid.names), gap="small")]
    draw_head(head, grid, compute_columns(comparison, grid, board), colours)
    which, mark_differences = _filters(grid)
    rows = grid.filter_rows(which)
    page = _page(rows, mark_differences, colours)
    # A board is there while the comparison runs.
    slots = draw_rows(comparison, grid, page, busy=board is not None)
    if not rows:
        st.caption("No row is like that.")
    if board is not None and card is not None:
        watch_grid(board, grid, page, slots, which,
              lambda now: draw_head(head, now, compute_columns(comparison, now, board), colours),
              lambda now: _progress(card, comparison, now))  # fmt: skip
    elif grid.rows:
        grid_downloads(project, comparison, grid)


def _mark_earlier_state(project: Project, comparison: Comparison) -> None:
    sentence = earlier_state(comparison, documents_now(project), models())
    if sentence:
        st.warning(fmt.markdown(sentence), icon=":material/history:")


def _card(comparison: Comparison) -> ProgressCard:
    names = " against ".join(variant.name for variant in comparison.variants)
    job = live_comparisons().job(comparison.id)
    return ProgressCard(f"Comparing {names} on {comparison.set_name}", "comparison_cancel", live_comparisons().cancel,
                        (comparison,), stopping=job is not None and job.cancel_requested,
                        note="What has come stays.")  # fmt: skip


def _progress(card: ProgressCard, comparison: Comparison, grid: Grid) -> None:
    """What has come, as the grid knows it, with the time and the cost that the job has told."""
    job = live_comparisons().job(comparison.id)
    # The job tells at its own pace; the counts of the grid are newer.
    summary = summarize_progress(job.progress if job is not None else {})
    count, total = count_ended(grid)
    card.show("Running", replace(summary, done=count, total=total, unit="answers", message=""))


def draw_head(
    places: Sequence[st.delta_generator.DeltaGenerator], grid: Grid, summaries: Sequence[Column], colours: Sequence[Ink]
) -> None:
    """Name and summary above each column."""
    for place, name, column, ink in zip(places, grid.names, summaries, colours, strict=True):
        with place.container(border=True, gap="xsmall", height="stretch"):
            st.markdown(f"{ink.dot}\u00a0**{fmt.markdown(name)}**")
            st.caption("  \n".join(_summary(grid, column)))
            if column.overlap is not None:
                overlap_sentences(column.overlap)


def _summary(grid: Grid, column: Column) -> list[str]:
    lines = []
    if column.decided or column.not_run:
        # Not run is no failure, so it is told beside and not counted.
        open_ones = f", {column.not_run} not run" if column.not_run else ""
        share = column.pass_rate
        spread = f" ({fmt.interval(share.low, share.high)})" if share.low is not None else ""
        lines.append(f"**{column.passed} of {column.decided} passed**{open_ones}{spread} {_versus(column, ASSERTIONS)}")
    for name, summary in column.metrics.items():
        spread = f" ({fmt.interval(summary.low, summary.high)})" if summary.low is not None else ""
        lines.append(f"{metric_title(name)} **{fmt.score(summary.mean)}**{spread} {_versus(column, name)}")
    failures = f", :red[{column.empty} empty]" if column.empty else ""
    failures += f", :red[{column.failed} failed]" if column.failed else ""
    if column.failed_repeats:
        failures += f", :red[{column.failed_repeats} of {column.repeats} repeats failed]"
    tokens = column.usage.prompt_tokens + column.usage.completion_tokens
    facts = [f"{column.answered} of {len(grid.rows)} answered{failures}"]
    if tokens:
        facts += [f"{fmt.count(tokens)} tokens", fmt.markdown(fmt.money(column.usage.cost_usd))]
    elif column.usage.cached_calls:
        facts.append("from the cache")
    if column.seconds is not None:
        facts.append(f"{fmt.short_time(column.seconds)} each")
    return [*lines, " · ".join(facts)]


def _versus(column: Column, name: str) -> str:
    versus = column.versus.get(name)
    # No pairs, no verdict: nobody answered the same questions.
    return "" if versus is None or not versus.pairs else comparison_style(versus).markdown


def _missing_answers(comparison: Comparison, grid: Grid, board: Board | None) -> None:
    """What is missing and why, and the way to get it."""
    if board is not None:
        return
    error = next((run.error for run in comparison.all_runs if run.error), "")
    if error:
        show_error(error)
    missing = missing_cells(grid)
    if missing:
        with st.container(horizontal=True, gap="small", vertical_alignment="center"):
            st.caption(f"{fmt.plural(len(missing), 'answer')} missing or failed.", width="content")
            submit = st.button("Ask for them again", key=f"grid_missing_{comparison.id}", icon=":material/refresh:")
            if comparison.budget_usd is not None:
                _new_budget(comparison)
        if submit:
            with show_errors():
                ask_again(comparison, missing)
                st.rerun()


def _new_budget(comparison: Comparison) -> None:
    """Ask what a comparison that had a budget may cost in all."""
    help_text = "What the whole comparison may cost, what it has cost so far included."
    budget_field(st, new_budget_key(comparison), help_text, label="Budget in all (USD)", placeholder="A new one",
                 width=240, value=None if comparison.out_of_budget else comparison.budget_usd)  # fmt: skip
    cost = sum((run.usage for run in comparison.all_runs), Usage()).cost_usd or 0.0
    most = fmt.dollars(comparison.budget_usd or 0.0)
    st.caption(fmt.markdown(f"{fmt.dollars(cost)} of {most} are spent."), width="content")


def _filters(grid: Grid) -> tuple[Filter, bool]:
    counts = grid.counts()
    with st.container(horizontal=True, gap="medium", vertical_alignment="center"):
        which = st.segmented_control(
            "Show", list(_FILTERS), required=True, label_visibility="collapsed", help=_HELP,
            format_func=lambda name: f"{_FILTERS[name]} ({counts[name]})",
            **address_arguments(FILTER, list(_FILTERS), "all"),
        )  # fmt: skip
        mark_differences = len(grid.names) > 1 and st.toggle(
            "Mark differences",
            key=DIFFERENCES,
            bind="query-params",
            help="Word by word, against the first column; not where less than half of its words are kept.",
        )
    return which or "all", bool(mark_differences)


def _page(rows: Sequence[int], mark_differences: bool, colours: Sequence[Ink]) -> Page:
    pages = max(1, -(-len(rows) // PER_PAGE))
    number = 1
    if pages > 1:
        # A filter may leave fewer pages than the one that was open, which Streamlit refuses.
        if int(st.session_state.get(PAGE) or 1) > pages:
            st.session_state[PAGE] = pages
        number = st.pagination(pages, key=PAGE, bind="query-params")
    return Page(tuple(rows[(number - 1) * PER_PAGE : number * PER_PAGE]), mark_differences, tuple(colours))
