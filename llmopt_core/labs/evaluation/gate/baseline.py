"""The result that a gate compares with: read, and refused where it is of other questions or another judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.catalogue import METRICS
from llmopt_core.experiments.result_file import Result
from llmopt_core.labs.evaluation.gate.rules import Rules

Run = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is compared with.

    Attributes:
        name: What it is called in messages: its file, or its configuration where it stands in the same result.
        result: Where its runs stand.
        configuration: The one that all are compared with; empty for those of the same names.
    """

    name: str
    result: Result
    configuration: str = ""

    def run_for(self, configuration: str) -> Run | None:
        """What this configuration is compared with; None where the baseline has none of its name."""
        name = self.configuration or configuration
        return next((run for run in self.result["runs"] if str(run["configuration"]) == name), None)


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to pass, as it is known before its run.

    Attributes:
        set_name: Of its evaluation set.
        set_version: Content hash of that.
        judge: Who grades.
        configurations: Names.
    """

    set_name: str
    set_version: str
    judge: str
    configurations: Sequence[str]


def subject_of(result: Result, source: str) -> Subject:
    """The same of a result that is there already.

    Raises:
        BadInput: It does not say on which version of which set it was made.
    """
    name, version = _set_of(result, source)
    return Subject(name, version, _judge(result), [str(run["configuration"]) for run in result["runs"]])


def choose_runs(result: Result, names: Sequence[str], source: str, *, keep: str = "") -> Result:
    """The result with the runs of these configurations alone (all of them by default), and the one to keep.

    Raises:
        BadInput: There is none of a name.
    """
    there = [str(run["configuration"]) for run in result["runs"]]
    if missing := next((name for name in names if name not in there), ""):
        raise BadInput(f"{source} has no configuration named {missing}; it has: {', '.join(there) or 'none'}.")
    runs = [run for run in result["runs"] if not names or str(run["configuration"]) in {*names, keep}]
    return {**result, "runs": runs}


def check_baseline(baseline: Baseline, subject: Subject, rules: Rules) -> None:
    """Refuse a baseline that cannot be compared with: before anything is asked, and so before it costs anything.

    Raises:
        BadInput: It is of another version of the set or of another judge, or a configuration or metric is missing.
    """
    name, version = _set_of(baseline.result, baseline.name)
    if version != subject.set_version:
        if any(run.get("imported") for run in baseline.result["runs"]):
            raise BadInput(
                f"{baseline.name} was imported from another tool, with questions that are not those of "
                f"{subject.set_name} (version {_short(version)} against {_short(subject.set_version)}); compare it "
                "with another import of the same questions: llmopt gate NEW.json --baseline OLD.json."
            )
        raise BadInput(
            f"{baseline.name} was made on version {_short(version)} of {name}, and this is version "
            f"{_short(subject.set_version)} of {subject.set_name}: other questions; evaluate the baseline again on "
            "this version."
        )
    _check_names(baseline, subject)
    for rule in rules.no_regression:
        _check_judge(baseline, subject, rule.metric)
        for configuration in [rule.configuration] if rule.configuration else subject.configurations:
            run = baseline.run_for(configuration)
            if run is None and rule.configuration:
                raise BadInput(
                    f"{baseline.name} has no configuration named {configuration}; it has: {_names(baseline)}."
                )
            if run is not None and rule.metric not in run["metrics"]:
                raise BadInput(
                    f"{baseline.name}: {run['configuration']} has no metric {rule.metric}; it has: "
                    f"{', '.join(run['metrics']) or 'none'}."
                )


def _check_names(baseline: Baseline, subject: Subject) -> None:
    names = [str(run["configuration"]) for run in baseline.result["runs"]]
    wanted_names = [baseline.configuration] if baseline.configuration else subject.configurations
    if not any(name in names for name in wanted_names):
        rest = "" if baseline.configuration else "; name the one to compare with by --baseline-configuration"
        raise BadInput(
            f"{baseline.name} has no configuration named {' or '.join(wanted_names)}; it has: {_names(baseline)}{rest}."
        )
    if twice := next((name for name in wanted_names if names.count(name) > 1), ""):
        raise BadInput(f"{baseline.name} has two configurations named {twice}, so nobody knows which one is meant.")


def _check_judge(baseline: Baseline, subject: Subject, metric: str) -> None:
    needs_judge = metric not in METRICS or "judge" in METRICS[metric].needs
    judge = _judge(baseline.result)
    if needs_judge and judge and subject.judge and judge != subject.judge:
        raise BadInput(
            f"{baseline.name} was graded by {judge}, and this is graded by {subject.judge}: their scores of {metric} "
            "are never compared; evaluate the baseline again with this judge."
        )


def _names(baseline: Baseline) -> str:
    return ", ".join(str(run["configuration"]) for run in baseline.result["runs"]) or "none"


def _set_of(result: Result, source: str) -> tuple[str, str]:
    questions = result.get("evaluation_set")
    version = questions.get("version") if isinstance(questions, Mapping) else None
    if not isinstance(questions, Mapping) or not isinstance(version, str) or not version:
        raise BadInput(
            f"{source} does not say on which version of which evaluation set it was made; write it again with "
            "'llmopt evaluate --json'."
        )
    return str(questions.get("name") or "the evaluation set"), version


def _short(version: str) -> str:
    # As long as it is shown elsewhere; the whole hash would hide the sentence.
    return version[:12]


def _judge(result: Result) -> str:
    return str(result.get("judge") or "")
