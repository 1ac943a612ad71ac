"""`llmopt gate`, and the same for what `llmopt evaluate` has just run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from llmopt_core.cli.output import JsonOption, note, print_error, print_result, table

if TYPE_CHECKING:
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.labs.evaluation.gate.baseline import Baseline
    from llmopt_core.labs.evaluation.gate.outcome import Gate
    from llmopt_core.labs.evaluation.gate.rules import Rules

NoRegressionOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC:MARGIN",
        help="Exit with 1 where METRIC has really dropped by MARGIN or more against --baseline, with 3 where so few "
        "questions cannot tell. CONFIGURATION:METRIC:MARGIN checks one configuration; may be given several times.",
    ),
]
FailUnderOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC=V",
        help="Exit with 1 where a mean is worse than V. CONFIGURATION:METRIC=V checks one configuration; may be given "
        "several times.",
    ),
]
MinCoverageOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=1,
        metavar="SHARE",
        help="Exit with 4 where a smaller share of the answers came, or of the questions has a score that a rule asks "
        "for, in comparisons one on both sides (0.9).",
    ),
]
ByCategoryOption = Annotated[
    bool, typer.Option("--by-category", help="Each category decides as the whole set does; else it is only told.")
]
BaselineConfigurationOption = Annotated[
    str, typer.Option(help="Compare with this configuration of the --baseline file, not with that of the same name.")
]
JUnitOption = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Write JUnit XML.")]
MarkdownOption = Annotated[
    Path | None,
    typer.Option(
        "--markdown",
        metavar="FILE",
        help="Write Markdown, such as for a comment on a pull request; it is also added to the file that "
        "GITHUB_STEP_SUMMARY names.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(help="Let a result file pass, or not, against a baseline and thresholds.")(gate)


def gate(
    file: Annotated[Path, typer.Argument(help="What `llmopt evaluate --json` wrote.")],
    *,
    baseline: Annotated[
        str, typer.Option(help="The result file to compare with, or a configuration of the same file.")
    ] = "",
    baseline_configuration: BaselineConfigurationOption = "",
    configuration: Annotated[list[str] | None, typer.Option(help="Only this one; may be given several times.")] = None,
    no_regression: NoRegressionOption = None,
    fail_under: FailUnderOption = None,
    min_coverage: MinCoverageOption = None,
    by_category: ByCategoryOption = False,
    junit: JUnitOption = None,
    markdown: MarkdownOption = None,
    json: JsonOption = "",
) -> int:
    """Decide about a result."""
    from llmopt_core.errors import BadInput
    from llmopt_core.experiments.result_file import read_result
    from llmopt_core.labs.evaluation.gate.baseline import choose_runs
    from llmopt_core.labs.evaluation.gate.decide import decide

    options = GateOptions(no_regression, fail_under, min_coverage, by_category, baseline_configuration)
    if not options.has_rules:
        raise BadInput("There is nothing to decide by: give --no-regression METRIC:MARGIN or --fail-under METRIC=V.")
    whole = read_result(file)
    # With the one that all are compared with, where it stands in the same file.
    inner = baseline if baseline in _names(whole) else ""
    result = choose_runs(whole, configuration or (), str(file), keep=inner)
    metrics = list(dict.fromkeys(str(metric) for run in result["runs"] for metric in run["metrics"]))
    rules = options.read_rules(metrics, _names(result), is_file=bool(baseline and not inner), baseline=baseline)
    outcome = decide(result, rules, options.read_baseline(baseline, result, inner), source=str(file))
    export_gate(outcome, junit, markdown)
    print_result(_text(outcome), outcome.as_values(), json)
    tell_problems(outcome)
    return outcome.exit_code


@dataclass(frozen=True, slots=True)
class GateOptions:
    """What the options of a command ask for."""

    no_regression: list[str] | None
    fail_under: list[str] | None
    min_coverage: float | None
    by_category: bool
    baseline_configuration: str = ""

    @property
    def has_rules(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.no_regression or self.fail_under)

    def read_rules(
        self, metrics: Sequence[str], configurations: Sequence[str], *, is_file: bool, baseline: str
    ) -> Rules:
        """The rules, checked before anything is asked.

        Raises:
            BadInput: One is wrong, or the options do not go together.
        """
        from llmopt_core.errors import BadInput
        from llmopt_core.labs.evaluation.gate.rules import MIN_COVERAGE, parse_rules

        rules = parse_rules(
            self.no_regression or (),
            self.fail_under or (),
            metrics,
            configurations,
            min_coverage=MIN_COVERAGE if self.min_coverage is None else self.min_coverage,
            by_category=self.by_category,
        )
        if rules.no_regression and not baseline:
            raise BadInput("--no-regression needs what to compare with: --baseline results.json.")
        if is_file and not rules.no_regression:
            raise BadInput(
                f"--baseline {baseline} is compared with by --no-regression METRIC:MARGIN; give at least one."
            )
        if self.baseline_configuration and not is_file:
            raise BadInput("--baseline-configuration names a configuration of a result file; give --baseline FILE.")
        return rules

    def read_baseline(self, baseline: str, result: dict[str, Any] | None, inner: str) -> Baseline | None:
        """What to compare with: a file, or a configuration of the result itself.

        Args:
            baseline: As it was given.
            result: The result itself, where it is there already.
            inner: The configuration of the result, where `baseline` names one.
        """
        from llmopt_core.experiments.result_file import read_result
        from llmopt_core.labs.evaluation.gate.baseline import Baseline

        if not baseline:
            return None
        if inner:
            return None if result is None or not self.no_regression else Baseline(inner, result, inner)
        return Baseline(baseline, read_result(Path(baseline)), self.baseline_configuration)


def is_result_file(baseline: str, experiment: Experiment) -> bool:
    """Whether `--baseline` names a file and no configuration. A name of the experiment comes first."""
    if not baseline or any(item.name == baseline for item in experiment.configurations):
        return False
    return baseline.casefold().endswith(".json") or Path(baseline).exists()


def export_gate(gate: Gate, junit: Path | None, markdown: Path | None) -> None:
    """Write what was asked for, and the summary of the job on GitHub.

    Raises:
        StorageError: A file that was asked for cannot be written.
    """
    from llmopt_core.labs.evaluation.gate.exports import gate_junit, gate_markdown
    from llmopt_core.workspace import write_output

    if junit is not None:
        write_output(junit, gate_junit(gate))
    text = gate_markdown(gate)
    if markdown is not None:
        write_output(markdown, text)
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        try:
            # Added: other steps of the job write into the same file.
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(f"{text}\n")
        except OSError as error:
            # Nobody asked this command for it, so it decides nothing.
            note(f"llmopt: the summary for GitHub could not be written: {summary}: {error.strerror}.")


def tell_problems(gate: Gate) -> None:
    """On stderr: what keeps it from passing, and how the gate ends."""
    for check in gate.problems:
        print_error(check.sentence)
    print_error(f"gate: {gate.outcome} (exit code {gate.exit_code})")


def _text(gate: Gate) -> str:
    rows = [[check.configuration, check.title, check.outcome] for check in gate.checks if check.decides]
    notes = [[check.configuration, check.title, f"({check.outcome})"] for check in gate.checks if not check.decides]
    lines = [table(["configuration", "check", "outcome"], [*rows, *notes])]
    if notes:
        lines.append("in brackets: told, not decided by (--by-category)")
    return "\n".join([*lines, *gate.notes])


def _names(result: dict[str, Any]) -> list[str]:
    return [str(run["configuration"]) for run in result["runs"]]
