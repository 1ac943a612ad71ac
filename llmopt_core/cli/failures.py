"""`llmopt failures`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, note, print_result

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from llmopt_core.labs.evaluation.failure_counts import KindCount
    from llmopt_core.labs.evaluation.failure_kinds import Diagnosis


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Which kinds of failure there are, from a result file or a stored run, with intervals.")(failures)


def failures(
    file: Annotated[
        Path | None, typer.Argument(help="What `llmopt evaluate --json` wrote.", show_default=False)
    ] = None,
    run: Annotated[
        list[int] | None, typer.Option(help="The number of a run in the workspace; may be given several times.")
    ] = None,
    notes: Annotated[
        Path | None, typer.Option(help="Write what people noted on the run's records to a .csv or .json file.")
    ] = None,
    json: JsonOption = "",
) -> None:
    """Count the kinds of failure by configuration and category."""
    from llmopt_core.errors import BadInput
    from llmopt_core.labs.evaluation.failure_summary import failures_json

    if (file is None) == (not run):
        raise BadInput("Name either a result file or runs (--run NUMBER).")
    if notes is not None and not run:
        raise BadInput("--notes needs --run: notes are kept in the workspace, beside the runs.")
    diagnoses = _of_file(file) if file is not None else _of_runs(run or [])
    if notes is not None:
        _write_notes(notes, run or [])
    print_result(_text(diagnoses), failures_json(diagnoses), json)


def _of_file(file: Path) -> dict[str, list[Diagnosis]]:
    from llmopt_core.experiments.result_file import read_result
    from llmopt_core.labs.evaluation.failure_summary import diagnose_result

    return diagnose_result(read_result(file))


def _of_runs(run_ids: list[int]) -> dict[str, list[Diagnosis]]:
    from llmopt_core.cli.setup import open_workspace
    from llmopt_core.labs.evaluation.failure_summary import diagnose_run

    _, store = open_workspace()
    diagnoses: dict[str, list[Diagnosis]] = {}
    for run_id in dict.fromkeys(run_ids):
        name = store.run(run_id).name
        # Two runs of one configuration are told apart by their number.
        diagnoses[f"{name} (run {run_id})" if name in diagnoses else name] = diagnose_run(store, run_id)
    return diagnoses


def _write_notes(path: Path, run_ids: list[int]) -> None:
    from llmopt_core.cli.setup import open_workspace
    from llmopt_core.errors import BadInput
    from llmopt_core.labs.evaluation.notes import notes_csv, notes_json, notes_of_runs
    from llmopt_core.workspace import write_output

    if path.suffix.lower() not in (".csv", ".json"):
        raise BadInput(f"{path}: notes are written as .csv or .json.")
    book = notes_of_runs(open_workspace()[1], run_ids)
    write_output(path, notes_json(book) if path.suffix.lower() == ".json" else notes_csv(book))
    note(f"llmopt: {len(book.notes)} notes written to {path}")


def _text(diagnoses: Mapping[str, Sequence[Diagnosis]]) -> str:
    return "\n\n".join(_block(name, records) for name, records in diagnoses.items())


def _block(name: str, records: Sequence[Diagnosis]) -> str:
    from llmopt_core.labs.evaluation.failure_counts import count_kinds

    failures, undecided_count = (sum(record.passed is outcome for record in records) for outcome in (False, None))
    head = f"{name}: {failures} of {len(records) - undecided_count} records failed"
    if undecided_count:
        head += f"; of {undecided_count} more nobody can tell"
    rows = [_row(count) for count in count_kinds({name: records}) if count.rate.passed]
    categories = count_kinds({name: records}, by_category=True)
    if any(count.category for count in categories):
        rows += [f"  {count.category or '(none)'}:{_row(count)}" for count in categories if count.rate.passed]
    return "\n".join([head, *rows])


def _row(count: KindCount) -> str:
    from llmopt_core.labs.evaluation.failure_kinds import FAILURE_TITLES

    title = FAILURE_TITLES[count.kind] if count.kind else "Kind unknown"
    rate = count.rate
    share = "" if rate.share is None else f"  {rate.share:.0%} [{rate.low:.0%}, {rate.high:.0%}]"
    return f"  {title:<28} {rate.passed:>4} of {rate.scored}{share}"
