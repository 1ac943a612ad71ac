"""How large a difference a number of questions can show, and how many questions show a given one.

Power is 80 % throughout where no other is named: a difference that is there is found in four of five tries. The numbers
are those of the tests that decide verdicts, at the level of the family that they belong to.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

from llmopt_core.statistics.holm import ALPHA

POWER = 0.8
"""Cohen's (1988) convention: a false alarm counts four times a difference that was missed."""
CORRELATION = 0.2
"""Of two questions about one document, where nothing better is known: between the .05 of unlike questions on a long
document and the .5 of paraphrases."""
_NORMAL = NormalDist()
# A difference is looked for in steps of a tenth of a point, finer than anybody would plan for.
_STEP = 0.001


def power(
    questions: int,
    discordant: float,
    difference: float,
    clusters: int | None = None,
    *,
    alpha: float = ALPHA,
    correlation: float = CORRELATION,
) -> float:
    """Chance that a difference in passes is seen, by the exact McNemar test.

    The sum over how many pairs may differ, of the chance that the test then rejects (Duffy 1984). With 200 questions of
    which a fifth differ, +.08 is found in .68 of all tries.

    Args:
        questions: That both answer.
        discordant: Share on which one passes and the other does not; at least the difference.
        difference: Of the two pass rates.
        clusters: Documents that the questions share, where they do: they then weigh as `effective_questions`, and five
            documents or fewer show nothing, see `fewest_clusters`.
        alpha: Level of the test.
        correlation: Of questions about one document.
    """
    if clusters is not None and clusters < min(questions, fewest_clusters(alpha)):
        return 0.0
    count = questions if clusters is None else effective_questions(questions, clusters, correlation)
    return _mcnemar_power(count, max(discordant, abs(difference)), abs(difference), alpha)


def graded_power(questions: int, spread: float, difference: float, *, alpha: float = ALPHA) -> float:
    """Chance that a mean difference of grades is seen, by the paired t-test, which the tests of grades come close to.

    Args:
        questions: That both answer.
        spread: Standard deviation of the differences.
        difference: Mean of the differences.
        alpha: Level of the two-sided test.
    """
    from scipy.stats import nct, t

    if questions < 2 or spread <= 0:
        return 0.0
    limit = t.ppf(1 - alpha / 2, questions - 1)
    shift = abs(difference) / spread * math.sqrt(questions)
    return float(nct.sf(limit, questions - 1, shift) + nct.cdf(-limit, questions - 1, shift))


def smallest_difference(
    questions: int, discordant: float, clusters: int | None = None, *, alpha: float = ALPHA, target: float = POWER
) -> float | None:
    """The smallest difference in passes that is found in four of five tries; None where even 1 is not.

    Args:
        questions: That both answer.
        discordant: Share of questions that differ; a larger difference brings as many with it.
        clusters: As of `power`.
        alpha: Level of the test.
        target: The power that is wanted.
    """
    low, high = 0, round(1 / _STEP)
    if power(questions, discordant, 1.0, clusters, alpha=alpha) < target:
        return None
    # Power rises with the difference, so it is halved down to the step.
    while high - low > 1:
        middle = (low + high) // 2
        if power(questions, discordant, middle * _STEP, clusters, alpha=alpha) >= target:
            high = middle
        else:
            low = middle
    return high * _STEP


def effective_questions(questions: int, clusters: int, correlation: float = CORRELATION) -> int:
    """How many independent questions weigh as much as these in clusters of equal size (Kish 1965: design effect)."""
    size = questions / clusters
    return max(1, round(questions / (1 + (size - 1) * correlation)))


def fewest_clusters(alpha: float = ALPHA) -> int:
    """With how many clusters a sign-flip test can see anything: its least p-value is 2 ** (1 - clusters)."""
    return math.floor(1 - math.log2(alpha)) + 1


def passes_needed(discordant: float, difference: float, alpha: float = ALPHA) -> float:
    """Pairs that show a difference in passes in four of five tries.

    Connor's (1987, Biometrics 43:207) formula, and 1 / difference more, since the exact test is stricter than its
    approximation: against `power` that is right to within a tenth.
    """
    size, share = abs(difference), max(discordant, abs(difference))
    level, chance = _quantiles(alpha)
    root = level * math.sqrt(share) + chance * math.sqrt(share - size * size)
    return (root / size) ** 2 + 1 / size


def grades_needed(spread: float, difference: float, alpha: float = ALPHA) -> float:
    """Pairs that show a mean difference in four of five tries: the paired t-test's, by Guenther's (1981) formula."""
    level, chance = _quantiles(alpha)
    # The last term is what Student's t takes above the normal distribution.
    return ((level + chance) * spread / difference) ** 2 + level * level / 2


def rescaled_need(count: float, p_value: float, alpha: float = ALPHA) -> float:
    """How many make a p-value that is not below the level one that is so in four of five tries.

    For tests that are stricter than the formulas above, as where differences are skewed: the distance from 0 in
    standard errors grows with the root of the number.
    """
    # A p-value of 1 has no distance that could grow.
    distance = -_NORMAL.inv_cdf(min(p_value, 1 - 1e-9) / 2)
    return count * (sum(_quantiles(alpha)) / distance) ** 2 if distance > 0 else math.inf


def _quantiles(alpha: float) -> tuple[float, float]:
    """The distances from 0 in standard errors that the level and the power ask for."""
    return -_NORMAL.inv_cdf(alpha / 2), _NORMAL.inv_cdf(POWER)


# Pages ask for the same few numbers on each rerun, and every step of a halving is one of them.
@lru_cache(maxsize=4096)
def _mcnemar_power(pairs: int, discordant: float, difference: float, alpha: float) -> float:
    import numpy as np
    from scipy.stats import binom

    if not discordant:
        return 0.0
    chances = binom.pmf(np.arange(pairs + 1), pairs, discordant)
    # What comes once in a thousand million samples changes no digit.
    counts = np.flatnonzero(chances > 1e-9)
    limits = binom.ppf(alpha / 2, counts, 0.5)
    # The largest number of losses (or gains) at which both tails together stay below the level.
    limits = np.where(2 * binom.cdf(limits, counts, 0.5) < alpha, limits, limits - 1)
    gain = (discordant + difference) / (2 * discordant)
    rejection = binom.cdf(limits, counts, gain) + binom.cdf(limits, counts, 1 - gain)
    return float((chances[counts] * rejection).sum())
