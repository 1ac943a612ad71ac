"""Rules on a result, compared with a baseline where there is one: the checks of a gate."""

from __future__ import annotations

from collections.abc import Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.caveats import caveats, run_caveats
from llmopt_core.experiments.grading import ASSERTIONS
from llmopt_core.experiments.result_file import Result, result_clusters
from llmopt_core.labs.evaluation.gate.baseline import Baseline, Run, check_baseline, subject_of
from llmopt_core.labs.evaluation.gate.comparisons import compare_runs
from llmopt_core.labs.evaluation.gate.outcome import Check, Gate, Outcome
from llmopt_core.labs.evaluation.gate.rules import Rules
from llmopt_core.labs.evaluation.gate.thresholds import threshold_checks

# A run that its budget ended has answers that count; how many are missing is a matter of coverage.
_WHOLE = ("finished", "budget-reached")


def decide(result: Result, rules: Rules, baseline: Baseline | None = None, *, source: str = "the result") -> Gate:
    """What the rules say of a result.

    Tested together (Holm) are all real drops that decide, so that of gates between equal systems at most 5 % fail,
    however many metrics and configurations they have. To pass, every one must pass by itself, which needs no such
    correction (an intersection-union test).

    Args:
        result: What is to pass, as `evaluate --json` writes it.
        rules: What is asked for.
        baseline: What to compare with; needed where a rule allows no regression.
        source: What the result is called in messages.

    Raises:
        BadInput: The two cannot be compared, or there is no run.
    """
    runs: list[Run] = result["runs"]
    if not runs:
        raise BadInput(f"{source} has no runs, so there is nothing to decide.")
    if rules.no_regression and baseline is None:
        raise BadInput("--no-regression needs a result to compare with: --baseline results.json.")
    if baseline is not None:
        check_baseline(baseline, subject_of(result, source), rules)
    # Without a single answer every rule would say the same, and none would say why.
    is_empty = _is_empty(runs)
    checks = [check for run in runs for check in _run_checks(run, rules, is_empty=is_empty)]
    notes: list[str] = []
    if not is_empty:
        if baseline is not None:
            comparisons, notes = compare_runs(result, rules, baseline)
            checks += comparisons
        clusters = result_clusters(result)
        checks += [
            check for rule in rules.thresholds for run in runs for check in threshold_checks(rule, run, rules, clusters)
        ]
    run_notes = [run_caveats(run) for run in runs]
    if baseline is not None and baseline.result is not result:
        others = [(run, f"{run['configuration']} of the baseline") for run in baseline.result["runs"]]
        run_notes += [run_caveats(run, name) for run, name in others if _is_used(run, baseline, runs)]
    return Gate(
        tuple(checks),
        result.get("evaluation_set") or {},
        baseline.name if baseline else "",
        (*notes, *(caveat.text for caveat in caveats(run_notes))),
    )


def _is_used(run: Run, baseline: Baseline, runs: Sequence[Run]) -> bool:
    return any(baseline.run_for(str(one["configuration"])) is run for one in runs)


def _is_empty(runs: Sequence[Run]) -> bool:
    """Whether a budget ended all of it before the first answer."""
    return any(run.get("status") == "budget-reached" for run in runs) and not any(map(_answered, runs))


def _answered(run: Run) -> int:
    return sum(not record.get("failure") for record in run["records"])


def _run_checks(run: Run, rules: Rules, *, is_empty: bool) -> list[Check]:
    """Of the run itself: whether it came to its end, with answers, and whether an assertion failed."""
    name, status, total = str(run["configuration"]), str(run.get("status") or "finished"), len(run["records"])
    answer_count = _answered(run)
    outcome: Outcome = "passed"
    words = f"{answer_count} of {total} questions were answered."
    if status not in _WHOLE:
        words, outcome = f"the run did not come to its end: its status is {status}.", "broke"
    elif not answer_count and status == "budget-reached":
        words, outcome = "no answer came: the budget ended it before.", "cannot tell"
    # By what was done, not by what was planned: what a budget left unasked is no failure of the answers.
    elif answer_count < rules.min_coverage * total:
        words = (
            f"only {answer_count} of {total} questions were answered; at least {rules.min_coverage:.0%} are needed "
            "(--min-coverage)."
        )
        outcome = "coverage too low"
    # A budget that let others answer has something to show; what it kept out is for the rules to miss.
    decides = outcome != "cannot tell" or is_empty
    check = Check("run", name, "", outcome, words, decides=decides, numbers={"answered": answer_count, "asked": total})
    return [check, *_assertion_checks(run, rules)]


def _assertion_checks(run: Run, rules: Rules) -> list[Check]:
    values = [record["scores"].get(ASSERTIONS, {}).get("value") for record in run["records"]]
    verdicts = [value for value in values if value is not None]
    # Who allows a regression of them has said how many may fail.
    if not verdicts or ASSERTIONS in {rule.metric for rule in rules.no_regression}:
        return []
    failures = sum(value < 1 for value in verdicts)
    words = f"{failures} of {len(verdicts)} failed their assertions."
    numbers = {"failed": failures, "scored": len(verdicts), "total": len(values)}
    outcome: Outcome = "failed" if failures else "passed"
    return [Check("assertions", str(run["configuration"]), "", outcome, words, numbers=numbers)]
