"""`llmopt compare-prompts`, `llmopt import-promptfoo` and `llmopt export-promptfoo`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.coverage import OUT_OF_BUDGET
from llmopt_core.cli.output import JsonOption, TrustOption, note, one_line, print_error, print_result, table
from llmopt_core.cli.setup import confirm_hosts, models_with, open_workspace
from llmopt_core.workspace import write_output

if TYPE_CHECKING:
    from llmopt_core.experiments.comparison import Comparison
    from llmopt_core.interop.promptfoo.importer import NotRun
    from llmopt_core.labs.prompts.comparison_file import ComparisonFile
    from llmopt_core.labs.prompts.grid import Grid
    from llmopt_core.runs.store import Store

_FAIL_ON = ("any", "regression", "none")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(help="Compare up to four prompt variants over the same examples.")(compare_prompts)
    app.command(help="Turn a promptfoo configuration into an experiment.")(import_promptfoo)
    app.command(help="Write a comparison or experiment file for promptfoo.")(export_promptfoo)


def compare_prompts(
    file: Annotated[Path, typer.Argument(help="Comparison file (YAML), or a promptfooconfig.yaml.")],
    *,
    concurrency: Annotated[
        # Without a default here: it is the file's, and what is not said must not override that.
        int | None, typer.Option(min=1, max=1000, help="Answers at once (the file's, or 8).")
    ] = None,
    # 20 answers to the same prompt tell how much it varies; more is a matter of cost, not of knowledge.
    repeats: Annotated[int | None, typer.Option(min=1, max=20, help="Answers per example and variant.")] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only variants with this in their name; may be given several times.")
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            help="Exit with 1 where `any` answer fails, does not pass or cannot be checked; only where a variant does "
            "worse than the first (`regression`); or never (`none`)."
        ),
    ] = "any",
    show: Annotated[str, typer.Option(help="Rows to print: all, failures, different, regressions.")] = "all",
    html: Annotated[Path | None, typer.Option(help="Write the comparison as one HTML file.")] = None,
    csv: Annotated[Path | None, typer.Option(help="Write the answers as a CSV file.")] = None,
    budget: Annotated[float | None, typer.Option(metavar="USD", help="The most all answers may cost together.")] = None,
    trust: TrustOption = False,
    json: JsonOption = "",
) -> int:
    """Compare prompts."""
    import asyncio

    from llmopt_core.errors import BadInput
    from llmopt_core.labs.prompts.comparison_file import load_comparison
    from llmopt_core.labs.prompts.export import comparison_csv, comparison_page, comparison_values
    from llmopt_core.labs.prompts.grid import FILTER_NAMES, load_grid
    from llmopt_core.labs.prompts.row_notes import row_notes

    # Both before the file is opened, and both in one message: either is a typing error.
    if fail_on not in _FAIL_ON or show not in FILTER_NAMES:
        raise BadInput(f"--fail-on is one of {', '.join(_FAIL_ON)}; --show is one of {', '.join(FILTER_NAMES)}.")
    _, store = open_workspace()
    definition = _apply_options(load_comparison(file, store), concurrency, repeats, only or [], budget)
    # Before anything is sent: the file may name hosts that nobody here knows.
    confirm_hosts(definition.endpoints, trust)
    _tell(definition)
    result = asyncio.run(_run(store, definition))
    # Read back from the store, not from memory: what is printed is what the app will show.
    grid = load_grid(store, result, definition.plan.evaluation_set.examples)
    # Files before the text: what was asked for as a file is there even if the reader of the output has gone.
    if html is not None:
        write_output(html, comparison_page(store, result, grid))
    if csv is not None:
        write_output(csv, comparison_csv(grid, row_notes(store, result)))
    value = {**comparison_values(result, grid), "not_supported": _plain(definition.not_run)}
    print_result(_text(result, grid, show), value, json)
    return _code(result, grid, fail_on, definition.not_run)


def import_promptfoo(
    path: Annotated[Path, typer.Argument(help="promptfooconfig.yaml, or the folder that holds it.")],
    out: Annotated[Path, typer.Option(help="Folder for experiment.yaml and questions.jsonl.")],
    *,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 where something is not supported.")] = False,
    json: JsonOption = "",
) -> int:
    """Import a promptfoo configuration."""
    from llmopt_core.interop.promptfoo.exporter import experiment_files

    # The command and the function that reads have the same name.
    from llmopt_core.interop.promptfoo.importer import import_promptfoo as read

    result = read(path)
    for name, text in experiment_files(result).items():
        write_output(out / name, text)
    _complain_of(result.not_run, result.warnings)
    names = [configuration.name for configuration in result.configurations]
    values = {"configurations": names, "tests": len(result.evaluation_set.examples),
              "not_supported": _plain(result.not_run), "warnings": list(result.warnings)}  # fmt: skip
    # A test that is not supported is kept with its reason, so it counts among the tests as well.
    not_run = sum(entry.kind == "test" for entry in result.not_run)
    summary = f"{len(names)} configurations and {values['tests']} tests ({not_run} of them not run)"
    print_result(f"{summary}\nrun them with: llmopt evaluate {out / 'experiment.yaml'}", values, json)
    return 1 if strict and result.not_run else 0


def export_promptfoo(
    file: Annotated[Path, typer.Argument(help="Comparison or experiment file (YAML).")],
    out: Annotated[Path, typer.Option(help="The file to write.")] = Path("promptfooconfig.yaml"),
    json: JsonOption = "",
) -> None:
    """Export to promptfoo."""
    import os

    from llmopt_core.experiments.experiment_file import load_experiment, read_with_lines
    from llmopt_core.interop.promptfoo.exporter import export_promptfoo as export
    from llmopt_core.labs.prompts.comparison_file import load_comparison
    from llmopt_core.models.endpoints import endpoints_from

    settings, store = open_workspace()
    # The environment's endpoints first: a file may name one of them again with other settings.
    endpoints = endpoints_from(settings, os.environ)
    # Only an experiment has that key at its top; a comparison has `variants`, and promptfoo `prompts`.
    if "configurations" in read_with_lines(file).value:
        experiment = load_experiment(file)
        result = export(
            experiment.configurations,
            experiment.evaluation_set,
            experiment.judge,
            {**endpoints, **experiment.endpoints},
        )
    else:
        comparison = load_comparison(file, store)
        # A comparison has assertions for all rows; those of an experiment stand in its examples.
        plan = comparison.plan
        result = export(
            plan.variants, plan.evaluation_set, plan.judge, {**endpoints, **comparison.endpoints}, plan.assertions
        )
    write_output(out, result.text)
    for reason in result.omissions:
        note(f"llmopt: left out: {reason}")
    print_result(f"{out} written", {"file": str(out), "left_out": list(result.omissions)}, json)


def _apply_options(
    file: ComparisonFile, concurrency: int | None, repeats: int | None, only: list[str], budget: float | None
) -> ComparisonFile:
    from dataclasses import replace

    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.comparison_plan import MOST_VARIANTS

    plan = file.plan
    # Part of a name is enough: names made of prompts and models are long.
    variants = tuple(v for v in plan.variants if not only or any(part in v.name for part in only))
    if not variants or len(variants) > MOST_VARIANTS:
        names = "; ".join(v.name for v in plan.variants)
        raise BadInput(
            f"{len(variants)} variants are to be compared and 1 to {MOST_VARIANTS} can be; choose with --only NAME, "
            f"several times if need be. There are: {names}."
        )
    # Repeats and concurrency of zero are refused by the options, so `or` means "not said".
    plan = replace(
        plan, variants=variants, concurrency=concurrency or plan.concurrency, repeats=repeats or plan.repeats
    )
    # The budget is never the file's: who runs it pays.
    return replace(file, plan=replace(plan, budget_usd=budget))


async def _run(store: Store, file: ComparisonFile) -> Comparison:
    from llmopt_core.execution.spending import check_larger_budget, spending_words
    from llmopt_core.experiments.comparison import comparison, new_id, start_comparison
    from llmopt_core.experiments.comparison_plan import check_plan, comparison_work_name
    from llmopt_core.interop.promptfoo.providers import ECHO, register_echo
    from llmopt_core.labs.prompts.board import Board
    from llmopt_core.labs.prompts.comparison_runner import all_cells, run_comparison

    plan, board = file.plan, Board()
    async with models_with(store, file.endpoints, plan.concurrency) as models:
        # promptfoo's `echo` answers with the prompt itself; an endpoint of that name in the file comes first.
        if ECHO not in file.endpoints and any(variant.model.endpoint == ECHO for variant in plan.variants):
            register_echo(models)
        # Everything that may refuse stands before the project is made: a refused comparison leaves nothing behind.
        check_plan(plan, models)
        work = comparison_work_name(plan, models)
        # A comparison that its budget stopped would stop again at once.
        check_larger_budget(store.cache, work, plan.budget_usd)
        store.ensure_project(plan.project)
        record = start_comparison(store, plan, new_id(), models)
        # All cells are known before the first answer, so that a stop leaves them as open instead of missing.
        board.add(all_cells(plan))
        await run_comparison(store, plan, record, models, board)
        if plan.budget_usd is not None:
            note(f"llmopt: {spending_words(store.cache, work, plan.budget_usd)}")
    # Read again: the run has written its status and its end meanwhile.
    return comparison(store, plan.project, record.id)


def _tell(file: ComparisonFile) -> None:
    _complain_of(file.not_run, file.warnings)
    for name, questions in file.repeats.items():
        note(f"llmopt: {name}: {len(questions)} few-shot examples left out, because a row asks the same question")


def _complain_of(not_run: tuple[NotRun, ...], warnings: tuple[str, ...]) -> None:
    for entry in not_run:
        note(f"llmopt: not run: {entry.kind} {entry.name}: {'; '.join(entry.reasons)}")
    for warning in warnings:
        note(f"llmopt: {warning}")


def _plain(not_run: tuple[NotRun, ...]) -> list[dict[str, Any]]:
    # Tuples and dataclasses as JSON has them.
    return [{"kind": entry.kind, "name": entry.name, "reasons": list(entry.reasons)} for entry in not_run]


def _text(comparison: Comparison, grid: Grid, show: str) -> str:
    from llmopt_core.answering.finish_reason import finish_lines
    from llmopt_core.labs.prompts.columns import columns_of
    from llmopt_core.labs.prompts.export import summary_lines

    # `compare_prompts` has checked it against the names of the filters.
    visible_rows = grid.filter_rows(show)  # type: ignore[arg-type]
    rows = [
        # 48 and 44 below: four variants beside the question still fit a wide terminal.
        [one_line(f"{grid.examples[row].id}: {grid.examples[row].question}", 48),
         *(_cell(cell) for cell in grid.rows[row])]
        for row in visible_rows
    ]  # fmt: skip
    lines = [comparison.title, "", table(["", *grid.names], rows), ""]
    for place, (name, column) in enumerate(zip(grid.names, columns_of(grid), strict=True)):
        lines.append(f"{name}: {'; '.join(summary_lines(grid, column))}")
        # Empty places are answers that a stop or a budget left out.
        records = [record for row in grid.rows for record in row[place].repeats if record is not None]
        lines += [f"{name}: {line}" for line in finish_lines(records)]
    return "\n".join(lines)


def _cell(cell: Any) -> str:
    # None: nothing was to be checked, so no sign may look like a verdict.
    sign = {True: "+ ", False: "- ", None: ""}[cell.has_passed]
    # First: a failed answer has no text, and a verdict on nothing would mislead.
    if cell.record is not None and cell.record.failure is not None:
        return f"! {one_line(cell.record.failure.message, 44)}"
    if cell.state == "not run":
        return f"? {one_line(cell.record.not_run, 44)}"
    return sign + one_line(cell.visible_text, 44)


def _code(comparison: Comparison, grid: Grid, fail_on: str, not_run: tuple[NotRun, ...]) -> int:
    from llmopt_core.experiments.grading import ASSERTIONS

    cells = [cell for row in grid.rows for cell in row]
    # Nothing but failures and open cells: no result at all, which is more than a missed check.
    if all(cell.state not in ("done", "not run") for cell in cells):
        # The reason of the first one: an endpoint that is down gives the same to all.
        first = next((cell.record.failure.message for cell in cells if cell.record and cell.record.failure), "")
        return print_error(
            f"no answer came: {first or comparison.error or comparison.status}",
            code=OUT_OF_BUDGET if comparison.out_of_budget else 2,
        )
    if fail_on == "none":
        return 0
    if fail_on == "regression":
        return 1 if grid.filter_rows("regressions") else 0
    # Open: a judge could not decide.
    open_ones = any(ASSERTIONS in cell.record.scores and cell.has_passed is None for cell in cells if cell.record)
    has_failure = any(cell.outcome().passed is False for cell in cells)
    # An unsupported assertion counts as failed here: passing without having been checked would be a lie.
    return 1 if has_failure or open_ones or not_run else 0
