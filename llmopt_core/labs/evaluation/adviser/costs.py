"""What trying a step takes, from what the run that it changes took."""

from __future__ import annotations

from llmopt_core.labs.evaluation.adviser.rules import Rule
from llmopt_core.labs.evaluation.adviser.run import AdvisedRun
from llmopt_core.reporting.formatting import dollars, duration, plural

# Where fewer than half of the answers were asked afresh, the others came from the cache and took no time: what is left
# are odd ones.
_AFRESH = 0.5


def cost_of(rule: Rule, run: AdvisedRun) -> str:
    """Money, calls and time of one run with the change, in words."""
    parts = [*([rule.effort] if rule.effort else []), _run_words(rule, run)]
    return f"{'; then '.join(parts)}."


def _run_words(rule: Rule, run: AdvisedRun) -> str:
    count = run.done or run.total
    calls = _calls(rule, run, count)
    return (
        f"one run over {plural(count, 'question')}{calls}: {', '.join(filter(None, (_money(rule, run), _time(run))))}"
    )


def _calls(rule: Rule, run: AdvisedRun, count: int) -> str:
    """How many calls it takes, those of the judge and of the step itself with them."""
    more = f"{plural(rule.calls * count, 'call')} more" if rule.calls else ""
    if not run.calls_each:
        return f", and {more}" if more else ""
    known = f"about {plural(round(run.calls_each * count), 'model call')}, judging with them"
    return f", {known}{f', and {more}' if more else ''}"


def _money(rule: Rule, run: AdvisedRun) -> str:
    each = run.each.cost_usd
    if each is None:
        return "its price is not known"
    if each == 0:
        return "free"
    # What a further call costs is known of the others alone.
    share = 1 + (rule.calls / run.calls_each if run.calls_each else 0)
    beside = " without those calls" if rule.calls and not run.calls_each else ""
    return f"about {dollars(each * share * (run.done or run.total))}{beside}"


def _time(run: AdvisedRun) -> str:
    each, count = run.each.seconds, run.done or run.total
    if not each or run.each.asked < _AFRESH * count:
        return ""
    return f"about {duration(each * count)} of work"
