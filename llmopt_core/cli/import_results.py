"""`llmopt import-results`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, caveat_lines, note, number_with_interval, table, write_json

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from llmopt_core.labs.evaluation.import_results import ImportOutcome, ImportPreview
    from llmopt_core.runs.store import Store


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("import-results", help="Make runs of other evaluation tools' result files.")(import_results)


def import_results(
    files: Annotated[list[Path], typer.Argument(help="Result files or folders; what belongs together, together.")],
    project: Annotated[
        str,
        typer.Option(help="Save the runs into this project; 'Imported results' where neither it nor --json is given."),
    ] = "",
    set_name: Annotated[
        str, typer.Option("--set", help="What the evaluation set is called, where the questions are new.")
    ] = "",
    json: JsonOption = "",
) -> None:
    """Import result files."""
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.result import result_of
    from llmopt_core.labs.evaluation.import_results import DEFAULT_PROJECT, import_runs, read_results

    preview = read_results(files)
    with _store(keep=bool(project) or not json) as store:
        outcome = import_runs(store, store.ensure_project(project or DEFAULT_PROJECT), preview.runs, set_name)
        if json and len(outcome.sets) > 1:
            listing = ", ".join(f"{name} ({len(ids)} runs)" for name, _, ids in outcome.sets)
            start = "They are saved, but one" if project else "One"
            raise BadInput(
                f"The files hold results over {len(outcome.sets)} different sets of questions: {listing}. {start} JSON "
                "file holds one: give the files of one set at a time."
            )
        for problem in preview.problems:
            note(f"llmopt: {problem}")
        for line in outcome.notes:
            note(f"llmopt: {line}")
        if json:
            write_json({**result_of(store, outcome.run_ids), "notes": _notes(preview, outcome)}, json)
        if json != "-":
            print("\n\n".join(_leaderboard(store, name, ids) for name, _, ids in outcome.sets))
            if project or not json:
                print(f"\n{_saved(outcome)} in the project {project or DEFAULT_PROJECT}.")


def _notes(preview: ImportPreview, outcome: ImportOutcome) -> list[str]:
    return [*preview.problems, *outcome.notes]


def _saved(outcome: ImportOutcome) -> str:
    return f"{len(outcome.added)} of {len(outcome.run_ids)} runs added"


def _store(*, keep: bool) -> AbstractContextManager[Store]:
    """The workspace, or a store that is gone afterwards: comparisons are made by the same way from both."""
    from contextlib import nullcontext

    from llmopt_core.cli.setup import open_workspace
    from llmopt_core.runs.temporary_store import temporary_store

    return nullcontext(open_workspace()[1]) if keep else temporary_store()


def _leaderboard(store: Store, set_name: str, run_ids: tuple[int, ...]) -> str:
    from llmopt_core.experiments.caveats import caveats_of
    from llmopt_core.experiments.leaderboard import leaderboard
    from llmopt_core.experiments.run_scores import baseline_position, read_run_scores

    runs = [store.run(run_id) for run_id in run_ids]
    metrics = list(dict.fromkeys(metric for run in runs for metric in run.metrics))
    rows = leaderboard(read_run_scores(store, runs), metrics, baseline_position([run.name for run in runs]))
    lines = [
        [row.name, f"{run.done - run.failed} of {run.total}",
         *(number_with_interval(row.cells[metric].summary) for metric in metrics)]
        for row, run in zip(rows, runs, strict=True)
    ]  # fmt: skip
    heading = [f"{set_name} (version {runs[0].set_version[:6]})", ""]
    text = table(["configuration", "answered", *metrics], lines)
    return "\n".join([*heading, text, "", *caveat_lines(caveats_of(store, runs))])
