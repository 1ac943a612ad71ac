"""`llmopt judge-labels`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, print_result

if TYPE_CHECKING:
    from llmopt_core.labs.evaluation.judge_sides import JudgeSides
    from llmopt_core.runs.store_judge_labels import JudgeLabel


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        name="judge-labels",
        help="A judge against people: write answers to label, read labels, tell agreement and corrected pass rates.",
    )(judge_labels)


def judge_labels(  # noqa: PLR0917
    file: Annotated[
        Path | None, typer.Argument(help="What `llmopt evaluate --json` wrote.", show_default=False)
    ] = None,
    name_a: Annotated[str, typer.Argument(help="The first configuration; the baseline by default.")] = "",
    name_b: Annotated[str, typer.Argument(help="The second; the last of the file by default.")] = "",
    run: Annotated[
        list[int] | None, typer.Option(help="The number of a run in the workspace, in place of a file; one or two.")
    ] = None,
    criterion: Annotated[str, typer.Option(help="The judged metric; the first one by default.")] = "",
    passes_from: Annotated[float, typer.Option(help="The judge's grade from which on an answer passes.")] = 0.5,
    labels: Annotated[
        list[Path] | None,
        typer.Option(help="A filled-in file of labels; may be given several times. With --run they are kept."),
    ] = None,
    person: Annotated[str, typer.Option(help="Who labelled, where the file of labels does not say.")] = "",
    export: Annotated[
        Path | None, typer.Option(help="Write the answers without a label to a .csv file, flips first.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Export so many questions.")] = None,
    json: JsonOption = "",
) -> None:
    """Measure a judge by labels of people."""
    from llmopt_core.errors import BadInput
    from llmopt_core.labs.evaluation.judge_labels import judge_report, people_agreement, people_labels
    from llmopt_core.labs.evaluation.judge_report_values import report_text, report_values
    from llmopt_core.labs.evaluation.judge_rows import label_rows

    if (file is None) == (not run):
        raise BadInput("Name either a result file or one or two runs (--run NUMBER).")
    # Not `<`: NaN is no grade either.
    if not 0 <= passes_from <= 1:
        raise BadInput(f"--passes-from is a grade from 0 to 1, not {passes_from:g}.")
    if export is not None and export.suffix.lower() != ".csv":
        raise BadInput(f"{export}: answers to label are written as .csv.")
    sides = _sides(file, name_a, name_b, run or [], criterion)
    rows = label_rows(sides.facts, sides.criterion, passes_from)
    if not rows:
        raise BadInput(f"No question has an answer with a grade by {sides.criterion} in {' and '.join(sides.names)}.")
    subjects = {subject for row in rows for subject in row.subjects}
    new, foreign = _read(labels or [], sides.criterion, person, subjects)
    known = sides.keep(new)
    people = people_labels(known)
    values = report_values(judge_report(rows, people, passes_from), rows, people, sides.names)
    agree, shared = people_agreement([one for one in known if one.subject in subjects])
    head: dict[str, Any] = {"criterion": sides.criterion, "judge": sides.judge, "passes_from": passes_from}
    values = {**head, **values, "people": {"agree": agree, "several": shared}, "labels_of_other_answers": foreign}
    if foreign:
        note(f"llmopt: {foreign} labels are of other answers and count nothing here")
    if export is not None:
        _export(export, sides.criterion, rows, people, limit)
    title = f"{sides.criterion}, graded by {sides.judge}; an answer passes from {passes_from:g} on"
    print_result(f"{title}\n{report_text(values)}", values, json)


def _sides(file: Path | None, name_a: str, name_b: str, runs: list[int], criterion: str) -> JudgeSides:
    from llmopt_core.labs.evaluation.judge_sides import sides_of_result, sides_of_runs

    if file is not None:
        from llmopt_core.experiments.result_file import read_result

        return sides_of_result(read_result(file), [name for name in (name_a, name_b) if name], criterion, str(file))
    from llmopt_core.cli.setup import open_workspace

    return sides_of_runs(open_workspace()[1], runs, criterion)


def _read(paths: list[Path], criterion: str, person: str, subjects: set[str]) -> tuple[list[JudgeLabel], int]:
    """The labels that belong to these answers, and how many do not."""
    from llmopt_core.labs.evaluation.judge_sheet import read_labels

    found = [label for path in paths for label in read_labels(path, criterion, person)]
    own = [label for label in found if label.subject in subjects]
    return own, len(found) - len(own)


def _export(path: Path, criterion: str, rows: Any, people: Any, limit: int | None) -> None:
    from llmopt_core.labs.evaluation.judge_sheet import label_sheet, labelling_order
    from llmopt_core.workspace import write_output

    order = labelling_order(rows, people)[:limit]
    write_output(path, label_sheet(order, criterion, people))
    note(f"llmopt: answers of {len(order)} questions to label written to {path}: fill in the column label")
