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
    more = f", and {plural(rule.calls * count, 'call')} more" if rule.calls else ""
    return f"one run over {plural(count, 'question')}{more}: {', '.join(filter(None, (_money(run), _time(run))))}"


def _money(run: AdvisedRun) -> str:
    each = run.each.cost_usd
    if each is None:
        return "its price is not known"
    return "free" if each == 0 else f"about {dollars(each * (run.done or run.total))}"


def _time(run: AdvisedRun) -> str:
    each, count = run.each.seconds, run.done or run.total
    if not each or run.each.asked < _AFRESH * count:
        return ""
    return f"about {duration(each * count)} of work"
