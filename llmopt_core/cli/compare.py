"""`llmopt compare`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, caveat_lines, number, print_result

if TYPE_CHECKING:
    from llmopt_core.experiments.comparison_matrix import Matrix
    from llmopt_core.experiments.flips import Flips

# So many flips of either kind are printed; `--json` has all.
_MOST_FLIPS = 20


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Compare two configurations of a result file question by question, or all of them.")(compare)


def compare(  # noqa: PLR0917
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    name_a: Annotated[str, typer.Argument(help="The baseline.")] = "",
    name_b: Annotated[str, typer.Argument(help="What is compared with it.")] = "",
    metric: Annotated[str, typer.Option(help="Which metric; with --matrix all by default.")] = "",
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Every configuration against every other, corrected over all pairs.")
    ] = False,
    margin: Annotated[
        float | None,
        typer.Option(help="Differences below it do not matter: what lies within it is equivalent; that of the file."),
    ] = None,
    json: JsonOption = "",
) -> None:
    """Compare two configurations, or all."""
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.margin import check_margin, margin_in
    from llmopt_core.experiments.result_file import read_result

    if margin is not None:
        check_margin(margin)
    if matrix and (name_a or name_b):
        raise BadInput("--matrix compares all configurations; leave out the names, or --matrix.")
    if not matrix and not (name_a and name_b and metric):
        raise BadInput("Name two configurations and --metric, or give --matrix.")
    result = read_result(file)
    margin = margin or margin_in(result)
    text, values = (
        _matrix(result, metric, margin, file) if matrix else _pair(result, name_a, name_b, metric, margin, file)
    )
    print_result(text, values, json)


def _pair(  # noqa: PLR0917
    result: dict[str, Any], name_a: str, name_b: str, metric: str, margin: float | None, file: Path
) -> tuple[str, dict[str, Any]]:
    from llmopt_core.experiments.caveats import caveats, run_caveats
    from llmopt_core.experiments.flips import list_flips
    from llmopt_core.experiments.leaderboard import compare_runs
    from llmopt_core.experiments.result import comparison_values
    from llmopt_core.experiments.result_file import result_clusters, result_family, scores_from

    a, b = (_run(result, name, metric, file) for name in (name_a, name_b))
    clusters = result_clusters(result)
    tables = [scores_from(run, clusters) for run in (a, b)]
    # Adjusted for all comparisons that the file allows: whoever asks for one has seen the others.
    family = result_family(result)
    comparison = compare_runs(tables[0], tables[1], metric, family, margin)
    flips = list_flips(tables[0], tables[1], metric)
    caveat_sets = [run_caveats(run) for run in (a, b)]
    values = {
        "metric": metric,
        "a": name_a,
        "b": name_b,
        **comparison_values(comparison),
        "family_words": family.in_short,
        "flips": {
            "gained": [asdict(flip) for flip in flips.gained],
            "lost": [asdict(flip) for flip in flips.lost],
            "equal": flips.equal,
            "missing": list(flips.missing),
        },
        "trained_on_a": caveat_sets[0].overlap_count,
        "trained_on_b": caveat_sets[1].overlap_count,
        "caveats": [caveat.text for caveat in caveats(caveat_sets)],
    }
    lines = [_sentence(name_a, name_b, metric, comparison), *_flip_lines(name_b, flips)]
    return "\n".join([*lines, *caveat_lines(caveat_sets)]), values


def _flip_lines(b: str, flips: Flips) -> list[str]:
    lines = []
    for title, rows in ((f"gained with {b}", flips.gained), (f"lost with {b}", flips.lost)):
        ids = ", ".join(f"{one.example_id} ({number(one.before)} -> {number(one.after)})" for one in rows[:_MOST_FLIPS])
        more = f" and {len(rows) - _MOST_FLIPS:,} more (--json has all)" if len(rows) > _MOST_FLIPS else ""
        lines.append(f"{len(rows):,} {title}" + (f": {ids}{more}" if rows else ""))
    missing = f"; {len(flips.missing):,} with a value on one side only" if flips.missing else ""
    return [*lines, f"{flips.equal:,} equal{missing}"]


def _matrix(result: dict[str, Any], metric: str, margin: float | None, file: Path) -> tuple[str, dict[str, Any]]:
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.comparison_matrix import compare_all, matrix_values
    from llmopt_core.experiments.result_file import score_tables

    tables = score_tables(result)
    metrics = list(dict.fromkeys(name for run in result["runs"] for name in run["metrics"]))
    if metric and metric not in metrics:
        raise BadInput(f"{file} has no metric {metric}; it has: {', '.join(metrics)}.")
    if len(tables) < 2 or not metrics:
        raise BadInput(f"{file} has nothing to compare; a matrix takes two scored configurations or more.")
    matrices = [compare_all(tables, name, margin) for name in ([metric] if metric else metrics)]
    return "\n\n".join(_matrix_text(one) for one in matrices), matrix_values(matrices)


def _matrix_text(matrix: Matrix) -> str:
    from llmopt_core.reporting.verdict_words import verdict_words

    lines = [f"{matrix.metric}: {matrix.family} {matrix.unit[:1].upper()}{matrix.unit[1:]}."]
    for (a, b), one in matrix.pairs.items():
        interval = "" if one.low is None else f" [{one.low:+.3g}, {one.high:+.3g}]"
        change = "" if one.difference is None else f" {one.difference:+.3g}{interval}, p = {number(one.p_value)}"
        omission = f", {one.dropped} left out" if one.dropped else ""
        lines.append(f"  {b} against {a}: {verdict_words(one)}{change}{omission}")
    return "\n".join(lines)


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
    from llmopt_core.reporting.verdict_words import unit_note, verdict_words

    if compared.difference is None:
        return f"{metric}: no question has a value in both {a} and {b}, so there is nothing to compare."
    # All differences equal, or too few: there is no interval to give.
    interval = "" if compared.low is None else f" [{number(compared.low)}, {number(compared.high)}]"
    drop_note = f", {compared.dropped} left out" if compared.dropped else ""
    # Only said where there is something to adjust for; one comparison has its plain p.
    together = f", adjusted for {compared.family} comparisons" if compared.family > 1 else ""
    unit = unit_note(compared.pairs, compared.clusters)
    means = f"of the means {number(compared.before)} and {number(compared.after)}"
    return (
        f"{metric}: {b} against {a}: {verdict_words(compared)}. "
        f"Difference {compared.difference:+.3g}{interval} {means} over the {compared.pairs} questions that both "
        f"answered{drop_note}; p = {number(compared.p_value)} ({compared.method}, {compared.pairs} pairs{together}; "
        f"{unit})."
    )
