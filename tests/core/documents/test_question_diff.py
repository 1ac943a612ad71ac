from llmopt_core.documents.question_diff import Change, compare_sets
from llmopt_core.types import EvaluationSet, Example, Span


def asked(*examples: Example) -> EvaluationSet:
    return EvaluationSet("s", examples)


ONE = Example("q1", "When was the pier built?", "1887", (Span("pier.md", 0, 9),), "when", {"level": 2})
TWO = Example("q2", "Who built it?", "Eugenius Birch", variables={"right_answers": ["Eugenius Birch", "Birch"]})
THREE = Example("q3", "How long is it?", "520 m")


def test_what_came_and_what_went() -> None:
    diff = compare_sets(asked(ONE, TWO), asked(TWO, THREE))
    assert (diff.added, diff.removed, diff.changed, diff.unchanged) == ((THREE,), (ONE,), (), 1)
    assert diff.summary == "1 added, 1 removed, 1 as before"


def test_each_part_that_changed_is_named_with_both_values() -> None:
    after = Example(
        "q1", "When was the old pier built?", None, (Span("pier.md", 0, 9), Span("b.md", 3, 5)), "who", {"level": 3}
    )
    (diff,) = compare_sets(asked(ONE), asked(after)).changed
    assert diff.changes == (
        Change("question", "When was the pier built?", "When was the old pier built?"),
        Change("reference answer", "1887", ""),
        Change("sources", "pier.md 0-9", "pier.md 0-9; b.md 3-5"),
        Change("category", "when", "who"),
        Change("level", "2", "3"),
    )


def test_a_further_right_answer_is_a_change_of_the_reference() -> None:
    after = Example("q2", "Who built it?", "Eugenius Birch")
    (diff,) = compare_sets(asked(TWO), asked(after)).changed
    assert diff.changes == (Change("reference answer", "Eugenius Birch · Birch", "Eugenius Birch"),)


def test_a_line_less_changes_no_question_where_ids_count_lines() -> None:
    def numbered(*texts: str) -> EvaluationSet:
        return asked(*(Example(str(i), text, text.upper()) for i, text in enumerate(texts, 1)))

    diff = compare_sets(numbered("a?", "b?", "c?", "d?"), numbered("b?", "c?", "d?"))
    assert [one.question for one in diff.removed] == ["a?"]
    assert [(one.after.question, one.changes) for one in diff.changed] == [
        ("b?", (Change("id", "2", "1"),)), ("c?", (Change("id", "3", "2"),)), ("d?", (Change("id", "4", "3"),)),
    ]  # fmt: skip


def test_the_same_question_twice_is_matched_once_each() -> None:
    twice = asked(Example("a", "Same?", "1"), Example("b", "Same?", "2"))
    assert compare_sets(twice, twice).summary == "no difference, 2 as before"
    diff = compare_sets(twice, asked(Example("b", "Same?", "2")))
    assert ([one.id for one in diff.removed], diff.changed) == (["a"], ())


def test_another_order_is_said() -> None:
    diff = compare_sets(asked(ONE, TWO, THREE), asked(THREE, ONE, TWO))
    assert diff.reordered
    assert diff.summary == "in another order, 3 as before"
    assert not compare_sets(asked(ONE, TWO, THREE), asked(ONE, THREE)).reordered


def test_an_empty_version_is_no_error() -> None:
    assert compare_sets(asked(), asked(ONE)).summary == "1 added, 0 as before"
