from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, chat_example
from llmopt_core.finetuning.data.selection import balance_classes, down_sample, remove_conflicts, remove_duplicates
from llmopt_core.finetuning.data.similarity import NearIndex, nearly_equal
from llmopt_core.finetuning.data.split import split_set
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.text.words import words

TOPICS = ["tides", "volcanoes", "bridges", "violins", "bread", "glass", "moss", "kites", "clocks", "salt"]


def varied(count: int, **fields: str) -> list[TrainingExample]:
    rng = np.random.default_rng(0)
    letters = list("abcdefghijklmnopqrstuvwxyz ")
    return [
        chat_example("".join(rng.choice(letters, 60)), "".join(rng.choice(letters, 20)), **fields) for _ in range(count)
    ]


def test_equal_and_nearly_equal_examples_are_kept_once() -> None:
    first = chat_example("How high is the Eiffel Tower in Paris?", "It is about 330 metres high.")
    same = chat_example("How high is the Eiffel Tower in Paris?", "It is about 330 metres high.", source="elsewhere")
    close = chat_example("How high is the Eiffel tower  in Paris", "it is about 330 metres high")
    other_answer = chat_example("How high is the Eiffel Tower in Paris?", "Nobody knows for certain.")
    selection = remove_duplicates([first, same, close, other_answer])
    assert selection.examples == (first, other_answer)
    assert selection.drops == {"duplicate": 1, "near_duplicate": 1}


def test_short_answers_must_agree() -> None:
    yes, no = (
        chat_example("Is the shop open on Sundays in July?", "yes"),
        chat_example("Is the shop open on Sunday in July?", "no"),
    )
    assert remove_duplicates([yes, no]).examples == (yes, no)


def test_planted_near_duplicates_are_found_among_many() -> None:
    base = varied(400)
    variants = [chat_example(e.question[:20] + "#" + e.question[21:], e.answer, source="planted") for e in base[:100]]
    selection = remove_duplicates([*base, *variants])
    assert len(selection.examples) <= 402
    assert selection.examples[:400] == tuple(base)


def test_near_index_takes_any_text() -> None:
    index = NearIndex()
    assert index.add("", 0) == []
    assert index.add("\ud800", 1) == []
    assert index.add("ab", 2) == []
    assert index.add("ab", 3) == [2]


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [("", "", True), ("yes", "no", False), ("a" * 100, "a" * 95, True), ("a" * 900, "a" * 860, False)],
)
def test_nearly_equal_has_a_relative_and_an_absolute_bound(left: str, right: str, same: bool) -> None:
    assert nearly_equal(left, right) is same


def test_words_of_scripts_without_spaces_are_characters() -> None:
    assert words("Héllo, WORLD 你好") == ["héllo", "world", "你", "好"]


def test_contradicting_examples_go_altogether() -> None:
    examples = [chat_example("Q ?", "a"), chat_example("q  ?", "b"), chat_example("other", "c")]
    selection = remove_conflicts(examples)
    assert selection.examples == (examples[2],)
    assert selection.drops == {"conflicting_answer": 2}


def labelled(**counts: int) -> list[TrainingExample]:
    return [
        chat_example(f"{label} {i} {TOPICS[i % 10]}", f"{i}", label=label)
        for label, n in counts.items()
        for i in range(n)
    ]


def test_classes_are_balanced_to_the_smallest_or_to_a_number() -> None:
    examples = labelled(a=30, b=10, c=20)
    assert Counter(e.label for e in balance_classes(examples).examples) == {"a": 10, "b": 10, "c": 10}
    selection = balance_classes(examples, most_per_class=15, seed=3)
    assert Counter(e.label for e in selection.examples) == {"a": 15, "b": 10, "c": 15}
    assert selection.drops == {"over_represented": 20}
    assert list(selection.examples) == [e for e in examples if e in selection.examples]
    assert balance_classes(examples, most_per_class=15, seed=3) == selection
    assert balance_classes([]).examples == ()


def test_down_sampling_takes_every_topic_before_any_twice() -> None:
    examples = [
        chat_example(f"{topic} {topic} {topic} {n}", "x") for topic in TOPICS[:5] for n in ("one", "two", "three")
    ]
    kept = down_sample(examples, 5, HashEmbedder(128).encode).examples
    assert {e.question.split()[0] for e in kept} == set(TOPICS[:5])


def test_down_sampling_shares_room_between_classes_and_drops_low_scores() -> None:
    examples = [*labelled(a=40, b=3, c=40), chat_example("bad", "x", score=0.1), chat_example("fine", "x", score=0.9)]
    selection = down_sample(examples, 24, HashEmbedder().encode, min_score=0.5)
    counts = Counter(e.label for e in selection.examples)
    assert counts["b"] == 3
    assert abs(counts["a"] - counts["c"]) <= 1
    assert sum(counts.values()) == 24
    assert all(e.question != "bad" for e in selection.examples)
    assert selection.drops == {"low_score": 1, "less_diverse": 60}


def test_down_sampling_a_small_set_keeps_it() -> None:
    examples = labelled(a=5)
    assert down_sample(examples, 10, HashEmbedder().encode).examples == tuple(examples)


def test_split_keeps_groups_duplicates_and_equal_inputs_together() -> None:
    examples = [
        chat_example(f"{TOPICS[g]} question {i} {'xyz' * i}", f"answer {i}", group=f"doc{g}")
        for g in range(10)
        for i in range(5)
    ]
    twice = [chat_example("What is  the same?", "a"), chat_example("what is the same?", "b")]
    split = split_set(TrainingSet("s", (*examples, *twice)), 0.2, seed=1)
    ours, theirs = ({e.group for e in part.examples if e.group} for part in (split.train, split.validation))
    assert not ours & theirs
    assert len({part.name for part in (split.train, split.validation) for e in part.examples if e in twice}) == 1
    assert len(split.train.examples) + len(split.validation.examples) == 52
    assert 5 <= len(split.validation.examples) <= 12


def test_split_keeps_class_shares_and_repeats_exactly() -> None:
    training = TrainingSet("s", tuple(varied(60, label="a") + varied(90, label="b")[60:]))
    split = split_set(training, 0.2, seed=4)
    counts = Counter(e.label for e in split.validation.examples)
    assert (counts["a"], counts["b"]) == (12, 6)
    assert split_set(training, 0.2, seed=4).validation.version == split.validation.version
    assert split_set(training, 0.2, seed=5).validation.version != split.validation.version


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_extreme_shares_leave_neither_part_empty(share: float) -> None:
    split = split_set(TrainingSet("s", tuple(varied(10))), share)
    assert split.train.examples
    assert split.validation.examples


@pytest.mark.parametrize("share", [0.0, 1.0, -1.0])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(BadInput, match="between 0 and 1"):
        split_set(TrainingSet("s", tuple(varied(10))), share)


def test_a_set_of_one_group_cannot_be_split() -> None:
    with pytest.raises(BadInput, match="one group"):
        split_set(TrainingSet("s", tuple(varied(10, group="only"))), 0.2)
