"""Few-shot examples that also stand in the evaluation set."""

from llmopt_core.prompts.overlap import find_overlap

QUESTIONS = ["When did the Panama Canal open?", "Who discovered penicillin?", "巴拿马运河是什么时候通航的？"]


def shot(question, **more):
    return {"question": question, "answer": "a", **more}


def test_exact_and_near():
    examples = [
        shot("who discovered  PENICILLIN"),
        shot("When did the Panama Canal opens?"),
        shot("Who painted the Mona Lisa?"),
        shot("巴拿马运河什么时候通航的？"),
    ]
    matches = [(o.example, o.question, o.kind) for o in find_overlap(examples, QUESTIONS)]
    assert matches == [(0, 1, "exact"), (1, 0, "near"), (3, 2, "near")]


def test_two_questions_about_one_long_passage_are_not_near():
    passage = "A long passage about canals and ships. " * 30
    examples = [shot(f"{passage} Who was the chief engineer of the works?")]
    assert find_overlap(examples, [f"{passage} When did the first ship pass?"]) == []


def test_an_example_without_question_is_compared_by_its_variables():
    examples = [{"text": QUESTIONS[1], "answer": "Fleming"}]
    assert [o.kind for o in find_overlap(examples, QUESTIONS)] == ["exact"]


def test_nothing_to_compare():
    assert find_overlap([], QUESTIONS) == []
    assert find_overlap([shot("a")], []) == []
    assert find_overlap([shot("")], ["", "?"]) == []
    assert find_overlap([shot("?!")], [""]) == []
