"""`llmopt ladder`: the experiments of a project in order, and what was kept or dropped."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from llmopt_core.cli.output import JsonOption, MarginOption, number, number_with_interval, print_result, table
from llmopt_core.cli.setup import open_workspace
from llmopt_core.errors import BadInput

if TYPE_CHECKING:
    from llmopt_core.labs.evaluation.ladder.rung import Ladder, Rung, Section
    from llmopt_core.runs.store import Store
    from llmopt_core.runs.store_ladder import Choice

group = typer.Typer(
    help="The experiments of a project in order, each kept or dropped: the verdict proposes, a person decides.",
    invoke_without_command=True,
    no_args_is_help=False,
)

ProjectOption = Annotated[
    str,
    typer.Option("--project", metavar="PROJECT", help="Whose ladder; may be left out where there is one project."),
]
MetricOption = Annotated[str, typer.Option(help="What decides; by default one of correctness that all runs have.")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The number of its run, or its name on the ladder.")]
ReasonOption = Annotated[str, typer.Option(help="Why, in a few words.")]
AuthorOption = Annotated[str, typer.Option("--by", help="Who decides; by default the user of this machine.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(group, name="ladder")


@group.callback()
def show(
    context: typer.Context,
    project: ProjectOption = "",
    metric: MetricOption = "",
    margin: MarginOption = None,
    json: JsonOption = "",
) -> None:
    """Print the ladder, where no command follows."""
    from llmopt_core.experiments.margin import check_margin

    if context.invoked_subcommand is not None:
        if project or metric or margin or json:
            raise BadInput(f"Write the options after `ladder {context.invoked_subcommand} RUN`.")
        return
    if margin is not None:
        check_margin(margin)
    _, store = open_workspace()
    ladder = _ladder(store, project, metric, margin)
    print_result(_text(ladder), ladder.to_dict(), json)


def _add_decision(name: str, choice: Choice, explanation: str) -> None:
    """A command that decides, whatever the verdict proposes."""

    @group.command(name, help=explanation)
    def decide_on_run(
        run: RunArgument,
        reason: ReasonOption,
        project: ProjectOption = "",
        by: AuthorOption = "",
        json: JsonOption = "",
    ) -> None:
        _decide(choice, run, reason, project=project, author=by, json=json)


_add_decision("keep", "kept", "Keep an experiment: what comes after it is compared with it.")
_add_decision("drop", "dropped", "Drop an experiment: it stays on the ladder, with the reason.")


@group.command(help="Take a decision back: the verdict's proposal counts again.")
def undo(run: RunArgument, project: ProjectOption = "", json: JsonOption = "") -> None:
    """Nothing happens where nobody has decided."""
    from llmopt_core.labs.evaluation.ladder.decide import find_rung, take_back

    _, store = open_workspace()
    ladder = _ladder(store, project)
    rung = find_rung(ladder, run)
    take_back(store, ladder, rung)
    _print_rung(store, ladder, rung, json)


def _decide(choice: Choice, run: str, reason: str, *, project: str, author: str, json: str) -> None:
    from llmopt_core.labs.evaluation.ladder.decide import decide, find_rung

    _, store = open_workspace()
    ladder = _ladder(store, project)
    rung = find_rung(ladder, run)
    decide(store, ladder, rung, choice, reason, author=author or _user())
    _print_rung(store, ladder, rung, json)


def _user() -> str:
    try:
        return getpass.getuser()
    # In a container the number of a user may have no name.
    except (OSError, KeyError):
        return ""


def _print_rung(store: Store, ladder: Ladder, rung: Rung, json: str) -> None:
    """As it stands now: later ones may be compared with another one."""
    now = _ladder(store, ladder.project)
    current = next(one for one in now.rungs if one.run_id == rung.run_id)
    print_result(f"{current.sign} {current.name} is {_state(current)}: {current.reason}.", current.to_dict(), json)


def _ladder(store: Store, project: str, metric: str = "", margin: float | None = None) -> Ladder:
    from llmopt_core.labs.evaluation.ladder.build import build_ladder

    ladder = build_ladder(store, store.project(project or _only_project(store)), metric, margin)
    if metric and metric not in ladder.metrics:
        has = ", ".join(sorted(ladder.metrics)) or "nothing: nothing was run yet"
        raise BadInput(f"No run of {ladder.project} was measured by {metric}; there is {has}.")
    return ladder


def _only_project(store: Store) -> str:
    names = [project.name for project in store.projects()]
    if len(names) != 1:
        choices = f"one of: {', '.join(names)}" if names else "`llmopt import-results --project` makes one"
        raise BadInput(f"Say whose ladder with --project; {choices}.")
    return names[0]


def _text(ladder: Ladder) -> str:
    if not ladder.sections:
        return f"{ladder.project} has no experiments yet: the first evaluation of a configuration is the baseline."
    blocks = [_block(ladder, section) for section in ladder.sections]
    return "\n\n".join(blocks)


def _block(ladder: Ladder, section: Section) -> str:
    from llmopt_core.labs.evaluation.ladder.rung import describe_questions

    header = ("experiment", ladder.metric, "difference", "verdict", "cost each", "seconds")
    title = f"{ladder.project} by {ladder.metric}, on {describe_questions(section)}, graded by {section.judge}"
    lines = [section.sentence, title, table(header, [_cells(rung) for rung in section.rungs])]
    lines += [_reason(rung) for rung in section.rungs]
    return "\n".join(filter(None, [*lines, section.tested, *_total(section)]))


def _cells(rung: Rung) -> list[str]:
    pair, each = rung.comparison, rung.each
    interval = "" if pair is None or pair.low is None else f" [{number(pair.low)}, {number(pair.high)}]"
    difference = "" if rung.difference is None else f"{rung.difference:+.3g}{interval}"
    verdict = pair.verdict if pair else "" if rung.is_kept else "-"
    cost = "-" if each.cost_usd is None else f"${number(each.cost_usd)}"
    name = f"{rung.position} {rung.sign} {rung.name}"
    return [name, number_with_interval(rung.summary), difference, verdict, cost, number(each.seconds)]


def _reason(rung: Rung) -> str:
    changes = f"{', '.join(rung.changes)}: " if rung.changes else ""
    notes = ", ".join(filter(None, (rung.mark, rung.answered)))
    return f"{rung.position} {rung.name}: {changes}{_state(rung)}, {rung.reason}{f' ({notes})' if notes else ''}"


def _state(rung: Rung) -> str:
    if rung.state == "baseline":
        return "the baseline"
    if not rung.is_decided or rung.decision is None:
        return "undecided" if rung.state == "undecided" else f"{rung.state} by the verdict"
    return f"{rung.state} by {rung.decision.author or 'a person'}"


def _total(section: Section) -> list[str]:
    from llmopt_core.reporting.formatting import change
    from llmopt_core.reporting.verdict_words import verdict_words

    total, today = section.total, section.today
    if total is None or today is None:
        return []
    amount = change(total.difference, total.low, total.high)
    return [f"Today: {today.name}, {amount} since {section.rungs[0].name}: {verdict_words(total)}"]
