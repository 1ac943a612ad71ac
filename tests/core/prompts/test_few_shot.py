"""Selection of few-shot examples."""

import numpy as np
import pytest

from llmopt_core.errors import BadInput
from llmopt_core.prompts.few_shot import select_examples
from llmopt_core.prompts.spec import FewShotSpec

EXAMPLES = tuple({"question": f"q{i}", "answer": str(i)} for i in range(5))
# q0 and q1 are twins near the question, q2 is near too but different, the others are far.
PLACES = {
    "ask": (1, 0, 0),
    "q0": (0.9, 0.43, 0),
    "q1": (0.9, 0.43, 0),
    "q2": (0.8, 0, 0.6),
    "q3": (0, 1, 0),
    "q4": (0, 0, 1),
}


def encode(texts):
    return np.array([PLACES[text] for text in texts], dtype=np.float32)


def chosen(select, k=2, seed=0, vectors=encode):
    spec = FewShotSpec(examples=EXAMPLES, select=select, k=k, seed=seed)
    return [example["question"] for example in select_examples(spec, "ask", vectors)]


def test_all_and_first():
    assert chosen("all") == ["q0", "q1", "q2", "q3", "q4"]
    assert chosen("first", k=3) == ["q0", "q1", "q2"]


def test_random_depends_on_the_seed_alone():
    assert chosen("random", seed=1) == chosen("random", seed=1)
    assert len({tuple(chosen("random", seed=seed)) for seed in range(20)}) > 3
    assert len(set(chosen("random", k=5))) == 5


def test_nearest_comes_last():
    assert set(chosen("nearest", k=2)) == {"q0", "q1"}
    assert chosen("nearest", k=3)[0] == "q2"


def test_diverse_leaves_out_the_twin():
    assert sorted(chosen("diverse", k=2)) == ["q0", "q2"]


@pytest.mark.parametrize("select", ["first", "random", "nearest", "diverse"])
def test_asking_for_more_than_there_are_gives_all(select):
    assert sorted(chosen(select, k=99)) == ["q0", "q1", "q2", "q3", "q4"]


@pytest.mark.parametrize("select", ["all", "first", "random", "nearest", "diverse"])
def test_an_empty_set_gives_none(select):
    assert select_examples(FewShotSpec(select=select), "ask", None) == []


@pytest.mark.parametrize("select", ["nearest", "diverse"])
def test_embedding_is_asked_for_by_name(select):
    with pytest.raises(BadInput, match="embedding model"):
        chosen(select, vectors=None)


def test_an_example_without_answer_is_refused():
    with pytest.raises(ValueError, match="example 2 has no `answer`"):
        FewShotSpec(examples=({"question": "a", "answer": "b"}, {"question": "c"}))
