"""Pairs of a wrong and a right statement about one sentence: what the rules catch, and what they leave alone."""

import json
from pathlib import Path

import pytest

from llmopt_core.evaluation.judges.builtin.contradictions import contradiction
from llmopt_core.text.sentences import sentences

PAIRS = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "judge" / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
]
# What no rule reckons or knows: the ends of a list of known misses.
PASSES = {
    "The airline went bankrupt in 2009.",
    "He was not dismissed; he resigned.",
}
REJECTED = {
    "The lower house passed the bill.",
    "Students are not subject to the rule.",
    "Two out of three parts of the land are forest.",
    "Adults pay £7.50 for entry.",
    "The lecture lasts an hour and a half, from 10:15 to 11:45.",
    "The shuttle runs three times an hour.",
    "The room must be vacated before 10 o'clock.",
    "孙悦的主席一职由周涛接替。",
    "80%的医生同意。",
}


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: f"{pair['language']}-{pair['kind']}-{pair['wrong']}")
def test_a_wrong_statement_is_told_from_a_right_one(pair):
    source = sentences(pair["text"])
    assert bool(contradiction(pair["wrong"], source)) == (pair["wrong"] not in PASSES)
    assert bool(contradiction(pair["right"], source)) == (pair["right"] in REJECTED)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", ["opposite", "negation", "exchange", "number or unit", "date or time"])
def test_there_are_pairs_of_each_kind(language, kind):
    assert sum((pair["language"], pair["kind"]) == (language, kind) for pair in PAIRS) >= 45
