"""How often the adviser's first rule is right, on made situations with a known cause: see `adviser_situations`.

`python benchmarks/adviser.py [--seeds N] [--show] [--mechanisms]`; the last takes those of `adviser_mechanisms`.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.adviser_mechanisms import mechanisms
from benchmarks.adviser_situations import Situation, situations
from llmopt_core.labs.evaluation.adviser.advise import advise
from llmopt_core.labs.evaluation.adviser.from_result import situation_from_result
from llmopt_core.statistics.intervals import wilson_interval

# What asks for more evidence is no improvement, and right where nothing may be improved.
HARMLESS = ("more-questions", "failed-records")


def first_rule(situation: Situation) -> str:
    """The rule of the first step; empty where nothing is advised."""
    steps = advise(situation_from_result(situation.result)).steps
    rules = [step.rule for step in steps if situation.expected or step.rule not in HARMLESS]
    return rules[0] if rules else ""


def is_right(situation: Situation, rule: str) -> bool:
    """Whether the first rule is one that was to be expected."""
    return rule in situation.expected if situation.expected else not rule


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1, help="how many times all of them are made anew")
    parser.add_argument("--show", action="store_true", help="print each that is wrong")
    parser.add_argument("--mechanisms", action="store_true", help="situations that are played through")
    options = parser.parse_args()
    make = mechanisms if options.mechanisms else situations
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for seed in range(options.seeds):
        for situation in make(seed):
            rule = first_rule(situation)
            total[situation.cause] += 1
            right[situation.cause] += is_right(situation, rule)
            if options.show and not is_right(situation, rule):
                expected = ", ".join(sorted(situation.expected)) or "nothing"
                print(f"{situation.name}: {rule or 'nothing'} instead of {expected}")
    for cause, count in total.items():
        print(f"{cause:32} {right[cause]:4} of {count}")
    low, high = wilson_interval(right.total(), total.total())
    share = right.total() / total.total()
    print(f"first rule right in {right.total()} of {total.total()}: {share:.1%} [{low:.1%}, {high:.1%}]")


if __name__ == "__main__":
    main()
