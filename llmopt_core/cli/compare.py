"""`llmopt compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, caveat_lines, number, print_result


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Compare two configurations of a result file, pair by pair.")(compare)


def compare(
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    name_a: Annotated[str, typer.Argument(help="The baseline.")],
    name_b: Annotated[str, typer.Argument(help="What is compared with it.")],
    metric: Annotated[str, typer.Option(help="Which metric.")],
    json: JsonOption = "",
) -> None:
    """Compare two configurations."""
    from llmopt_core.experiments.caveats import caveats, run_caveats
    from llmopt_core.experiments.leaderboard import compare_runs
    from llmopt_core.experiments.result import comparison_values, read_result, result_family, scores_from

    result = read_result(file)
    a, b = (_run(result, name, metric, file) for name in (name_a, name_b))
    family = result_family(result)
    # Adjusted for all comparisons that the file allows: whoever asks for one has seen the others.
    comparison = compare_runs(scores_from(a), scores_from(b), metric, family)
    caveat_sets = [run_caveats(run) for run in (a, b)]
    values = {
        "metric": metric,
        "a": name_a,
        "b": name_b,
        **comparison_values(comparison),
        "trained_on_a": caveat_sets[0].overlap_count,
        "trained_on_b": caveat_sets[1].overlap_count,
        "caveats": [caveat.text for caveat in caveats(caveat_sets)],
    }
    print_result("\n".join([_sentence(name_a, name_b, metric, comparison), *caveat_lines(caveat_sets)]), values, json)


def _run(result: dict[str, Any], name: str, metric: str, file: Path) -> dict[str, Any]:
    from llmopt_core.errors import BadInput

    for run in result["runs"]:
        if run["configuration"] == name:
            if metric not in run["metrics"]:
                raise BadInput(f"{file}: {name} has no metric {metric}; it has: {', '.join(run['metrics'])}.")
            return dict(run)  # `dict` for the type: what JSON gives may be anything.
    names = ", ".join(str(run["configuration"]) for run in result["runs"])
    raise BadInput(f"{file} has no configuration named {name}; it has: {names}.")


def _sentence(a: str, b: str, metric: str, compared: Any) -> str:
    from llmopt_core.reporting.verdict_words import verdict_words

    if compared.difference is None:
        return f"{metric}: no question has a value in both {a} and {b}, so there is nothing to compare."
    # All differences equal, or too few: there is no interval to give.
    interval = "" if compared.low is None else f" [{number(compared.low)}, {number(compared.high)}]"
    drop_note = f", {compared.dropped} left out" if compared.dropped else ""
    # Only said where there is something to adjust for; one comparison has its plain p.
    together = f", adjusted for {compared.family} comparisons" if compared.family > 1 else ""
    means = f"of the means {number(compared.before)} and {number(compared.after)}"
    return (
        f"{metric}: {b} against {a}: {verdict_words(compared)}. "
        f"Difference {compared.difference:+.3g}{interval} {means} over the {compared.pairs} questions that both "
        f"answered{drop_note}; p = {number(compared.p_value)} ({compared.method}, {compared.pairs} pairs{together})."
    )
