"""What would mend most of the failures of a run, ranked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmopt_core.labs.evaluation.adviser.causes import LOW_MEAN, Cause, Examination, Finding
from llmopt_core.labs.evaluation.adviser.changes import proposal
from llmopt_core.labs.evaluation.adviser.costs import cost_of
from llmopt_core.labs.evaluation.adviser.rules import CHAINS, RULES, WHY, WITHHOLDING
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.labs.evaluation.adviser.step import Step, Trial
from llmopt_core.reporting.formatting import number, plural, score
from llmopt_core.statistics.intervals import wilson_interval

# A cause counts where its share is more than this with 95 % confidence: of 20 questions 3, of 100 questions 7. Fewer
# may be chance, and would be others in another run. An error is a fact and counts from the first.
NOISE_SHARE = 0.03
# A right answer that is weak in a metric loses no point of correctness; it counts half.
_WEAK = 0.5
# Where as many failures as this come of missing knowledge, training is not proposed: it adds none.
_KNOWLEDGE_SHARE = 0.2
_KNOWLEDGE: tuple[Cause, ...] = ("no-knowledge", "not-found", "not-given", "outranked", "just-outranked", "cut-source")
_TRAINING = ("fine-tune",)
# Where the rank of the source says why it was of no use.
_RANKED: tuple[Cause, ...] = ("just-outranked", "outranked", "not-found", "noisy-context")
# So many words of instructions are sent with every question that examples or training may stand in for them.
_LONG_INSTRUCTION = 250


@dataclass
class _Bundle:
    """All causes that one rule is tried for."""

    findings: dict[Cause, list[Finding]] = field(default_factory=dict)

    @property
    def weight(self) -> float:
        return sum(1.0 if one.is_failure else _WEAK for group in self.findings.values() for one in group)

    @property
    def all(self) -> list[Finding]:
        # Failures first: whoever looks at the evidence looks at the first ones.
        return sorted((one for group in self.findings.values() for one in group), key=lambda one: not one.is_failure)


def improvements(run: AdvisedRun, examination: Examination, trials: Mapping[str, Trial]) -> list[Step]:
    """The steps for a run, those that would mend most first.

    Args:
        run: What is improved.
        examination: The causes of its records.
        trials: What was tried already, by rule; what is open of it is proposed all the same.
    """
    failed = {rule: trial for rule, trial in trials.items() if not trial.is_open}
    bundles: dict[str, _Bundle] = {}
    for cause in CHAINS:
        findings = examination.of(cause)
        rule = (
            _next_rule(cause, run, examination, failed) if is_pattern(cause, len(findings), _known(examination)) else ""
        )
        if rule:
            bundles.setdefault(rule, _Bundle()).findings[cause] = findings
    # Sorting is stable, and causes come in the order of a question's way: of equals the earlier one is first.
    ranked = sorted(bundles.items(), key=lambda item: -item[1].weight * (_WEAK if item[0] in WITHHOLDING else 1))
    steps = [_step(rule, bundle, run, examination, trials) for rule, bundle in ranked]
    return [*steps, *_shorter_instruction(run, examination, {step.rule for step in steps} | failed.keys())]


def is_pattern(cause: Cause, count: int, total: int) -> bool:
    """Whether so many of so many records are more than chance; see `NOISE_SHARE`."""
    if cause == "error":
        return count > 0
    return count > 1 and wilson_interval(count, total)[0] > NOISE_SHARE


def _known(examination: Examination) -> int:
    return max(1, sum(one.is_decided for one in examination.findings))


def _next_rule(cause: Cause, run: AdvisedRun, examination: Examination, trials: Mapping[str, Trial]) -> str:
    """The first rule of a cause that is neither in the configuration nor tried; empty where none is left."""
    for rule in CHAINS[cause]:
        if rule not in run.traits.rules and rule not in trials and _applies(rule, run, examination):
            return rule
    return ""


def _applies(rule: str, run: AdvisedRun, examination: Examination) -> bool:
    if rule == "smaller-k":
        return (run.traits.top_k or examination.given or 1) > 1
    if rule in _TRAINING:
        failures = sum(one.is_failure for one in examination.findings)
        missing = sum(len(examination.of(cause)) for cause in _KNOWLEDGE)
        return missing <= _KNOWLEDGE_SHARE * max(1, failures)
    return True


# Five arguments: what is advised, for what, on which run, and what is known beside.
def _step(rule: str, bundle: _Bundle, run: AdvisedRun, examination: Examination, trials: Mapping[str, Trial]) -> Step:
    known = RULES[rule]
    # What comes before it in the chain of the main cause and was tried is the reason that this comes now.
    main = max(bundle.findings, key=lambda cause: len(bundle.findings[cause]))
    earlier = [one.sentence for name in CHAINS[main] if (one := trials.get(name)) and not one.is_open and name != rule]
    notes = f" Before it in line, and not proposed again: {' '.join(earlier)}" if earlier else ""
    if rule in trials:
        notes = f" It is under trial: {trials[rule].sentence}{notes}"
    title = f"Look at {plural(len(bundle.all), 'failed record')}" if rule == "failed-records" else known.title
    return Step(
        rule,
        title,
        f"{_why(bundle, run, examination)} {known.advice}{notes}",
        known.area,
        known.view,
        tuple(dict.fromkeys(one.example_id for one in bundle.all if one.example_id)),
        run.run_id,
        _expected(rule, bundle, examination),
        known.elsewhere,
        "Free: nothing is run to look." if rule == "failed-records" else cost_of(known, run),
        proposal(rule, run.name, run.spec),
        known.preparation,
        (run.name,),
    )


def _why(bundle: _Bundle, run: AdvisedRun, examination: Examination) -> str:
    """How many fail for what, and of how many: `7 of 40 questions of rag fail because …`."""
    total = len(examination.findings)
    parts = []
    for cause, group in sorted(bundle.findings.items(), key=lambda item: -len(item[1])):
        failures = sum(one.is_failure for one in group)
        weak = len(group) - failures
        if failures:
            subject = f"{failures} of {plural(total, 'question')} of {run.name}"
            parts.append(f"{subject} fail because {WHY[cause]}{_ranks(cause, group)}.")
        if weak:
            whose = "" if failures else f" of {run.name}"
            parts.append(f"{weak} more{whose} are no failures and weak in it: {WHY[cause]}.")
    return " ".join(parts)


def _ranks(cause: Cause, group: Sequence[Finding]) -> str:
    ranks = [one.rank for one in group if one.rank]
    if not ranks or cause not in _RANKED:
        return ""
    return f" (rank {ranks[0]})" if min(ranks) == max(ranks) else f" (ranks {min(ranks)} to {max(ranks)})"


def _expected(rule: str, bundle: _Bundle, examination: Examination) -> str:
    """The most that it can bring."""
    failures = sum(one.is_failure for one in bundle.all)
    total = _known(examination)
    if rule in WITHHOLDING:
        return f"It can keep {plural(len(bundle.all), 'unsupported answer')} of {total} back, and makes none right."
    if not failures:
        return "No more right answers, and a better mean of the metric that is low here."
    low, high = wilson_interval(failures, total)
    return (
        f"At most +{number(100 * failures / total)} points of questions answered well, if all {failures} were mended "
        f"(of all such questions {100 * low:.0f} to {100 * high:.0f} % fail so)."
    )


def _shorter_instruction(run: AdvisedRun, examination: Examination, named: set[str]) -> list[Step]:
    """Long instructions with right content: examples, and then training, stand in for them."""
    known = [one for one in examination.findings if one.is_decided]
    is_right = known and sum(not one.is_failure for one in known) / len(known) >= LOW_MEAN
    if run.traits.instruction_words < _LONG_INSTRUCTION or not is_right:
        return []
    rule = next((name for name in ("few-shot", "fine-tune") if name not in run.traits.rules | named), "")
    if not rule:
        return []
    words = f"{run.traits.instruction_words:,} words of instructions are sent with each question of {run.name}, and "
    reason = f"{words}{_share(known)} of its answers are right. {RULES[rule].advice}"
    expected = "Fewer tokens and less time for each answer, with no more right ones."
    return [
        Step(rule, RULES[rule].title, reason, RULES[rule].area, RULES[rule].view, run_id=run.run_id, expected=expected,
             elsewhere=RULES[rule].elsewhere, cost=cost_of(RULES[rule], run), preparation=RULES[rule].preparation,
             configurations=(run.name,))
    ]  # fmt: skip


def _share(findings: Sequence[Finding]) -> str:
    return score(sum(not one.is_failure for one in findings) / len(findings))
