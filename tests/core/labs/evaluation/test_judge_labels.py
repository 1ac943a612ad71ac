from collections.abc import Mapping

import pytest

from llmopt_core.labs.evaluation.judge_labels import judge_report, people_agreement, people_labels
from llmopt_core.labs.evaluation.judge_order import FLIPS_FIRST, next_row
from llmopt_core.labs.evaluation.judge_rows import LabelRow, label_rows
from llmopt_core.labs.evaluation.record_facts import RecordFacts, facts_from, facts_of
from llmopt_core.runs.store_judge_labels import JudgeLabel
from llmopt_core.types import Answer, Chunk, Example, Hit, Record, Score


def _facts(number: int, answer: str, score: float | None, text: str = "The harbour was built in 1712.") -> RecordFacts:
    scores = {} if score is None else {"faithfulness": score, "answer_relevancy": score}
    return RecordFacts(
        f"q{number}", f"Question {number}?", answer, ("1712",), contexts=(Chunk("a.md", 0, 30, text),), scores=scores
    )


def _rows(
    first: list[float], second: list[float], same: int = 0, criterion: str = "answer_relevancy"
) -> list[LabelRow]:
    """One row per pair of scores; the first `same` rows have the same answer on both sides."""
    sides = [[], []]  # type: ignore[var-annotated]
    for number, scores in enumerate(zip(first, second, strict=True)):
        for side, score in enumerate(scores):
            answer = f"answer {number}" if number < same else f"answer {number} of {side}"
            sides[side].append(_facts(number, answer, score))
    return label_rows(sides, criterion)


def _people(rows: list[LabelRow], truth: Mapping[str, tuple[bool, ...]], ids: set[str]) -> dict[str, bool]:
    return {
        answer.subject: truth[row.example_id][side]
        for row in rows
        if row.example_id in ids
        for side, answer in enumerate(row.answers)
    }


def _label_all(rows: list[LabelRow]) -> list[LabelRow]:
    """The order in which one person labels everything."""
    people: dict[str, bool] = {}
    order = []
    while (row := next_row(rows, people, list(people))) is not None:
        order.append(row)
        people |= dict.fromkeys(row.subjects, True)
    return order


def test_flips_come_first_then_the_rest_and_equal_answers_last() -> None:
    rows = _rows([0.9] * 10 + [0.1] * 10, [0.9] * 5 + [0.1] * 5 + [0.9] * 3 + [0.1] * 7, same=5)
    groups = [row.group for row in _label_all(rows)]
    assert len(groups) == 20
    assert set(groups[:8]) == {"only first", "only second"}
    assert set(groups[8:15]) == {"both fail"}
    assert set(groups[15:]) == {"same pass"}


def test_after_the_first_flips_the_other_rows_have_their_turn() -> None:
    rows = _rows([0.9] * 60 + [0.9] * 60, [0.1] * 60 + [0.9] * 60)
    groups = [row.group for row in _label_all(rows)]
    assert groups[:FLIPS_FIRST] == ["only first"] * FLIPS_FIRST
    assert groups[FLIPS_FIRST] == "both pass"
    assert len(groups) == 120


def test_an_answer_keeps_its_label_in_another_run_and_loses_it_when_it_changes() -> None:
    def subject(facts: RecordFacts, criterion: str) -> str:
        return label_rows([[facts]], criterion)[0].subjects[0]

    facts = _facts(1, "1712", 0.9)
    rerun = RecordFacts("other id", facts.question, facts.answer, ("1712",), contexts=facts.contexts, scores={
        "answer_relevancy": 0.2, "faithfulness": 0.2})  # fmt: skip
    for criterion in ("faithfulness", "answer_relevancy"):
        assert subject(facts, criterion) == subject(rerun, criterion)
        assert subject(facts, criterion) != subject(_facts(1, "1713", 0.9), criterion)
        assert subject(facts, criterion) != subject(_facts(2, "1712", 0.9), criterion)
    assert subject(facts, "faithfulness") != subject(facts, "answer_relevancy")
    other_chunks = _facts(1, "1712", 0.9, text="Other words.")
    assert subject(facts, "faithfulness") != subject(other_chunks, "faithfulness")
    assert subject(facts, "answer_relevancy") == subject(other_chunks, "answer_relevancy")


def test_a_stored_record_and_the_same_in_a_result_file_are_one_subject() -> None:
    example = Example("q1", "When?", "1712", variables={"right_answers": ["1712", "in 1712"]})
    hit = Hit(Chunk("a.md", 0, 5, "Built 1712."), 0.5)
    record = Record(example, Answer("In 1712.", (hit,)), scores={"faithfulness": Score("faithfulness", 1.0)})
    values = {
        "example_id": "q1", "question": "When?", "reference": "1712", "right_answers": ["1712", "in 1712"],
        "answer": "In 1712.", "contexts": [{"document": "a.md", "start": 0, "end": 5, "text": "Built 1712."}],
        "scores": {"faithfulness": {"value": 1.0}},
    }  # fmt: skip
    stored, read = (label_rows([[facts]], "faithfulness")[0] for facts in (facts_of(record), facts_from(values)))
    assert stored.subjects == read.subjects


def test_rows_without_a_grade_or_an_answer_are_left_out() -> None:
    sides = [
        [_facts(1, "a", 0.9), _facts(2, "b", None), _facts(3, "c", 0.9), _facts(4, "d", 0.2)],
        [_facts(1, "a", 0.9), _facts(2, "b", 0.9), RecordFacts("q3", "Question 3?"), _facts(4, "e", 0.2)],
    ]
    assert {row.example_id for row in label_rows(sides, "answer_relevancy")} == {"q1", "q4"}


def test_an_edited_question_is_no_pair() -> None:
    first, second = _facts(1, "a", 0.9), RecordFacts("q1", "Edited?", "a", scores={"answer_relevancy": 0.9})
    assert label_rows([[first], [second]], "answer_relevancy") == []


def test_the_threshold_decides_what_passes() -> None:
    low, high = (label_rows([[_facts(1, "a", 0.6)]], "answer_relevancy", t)[0].verdicts for t in (0.6, 0.61))
    assert (low, high) == ((True,), (False,))


def test_with_every_answer_labelled_people_alone_decide() -> None:
    rows = _rows([0.9] * 6 + [0.1] * 4, [0.9] * 9 + [0.1])
    truth = {f"q{n}": (n in (0, 1, 2, 6), n < 8) for n in range(10)}
    report = judge_report(rows, _people(rows, truth, set(truth)), 0.5)
    assert [rate.judge for rate in report.rates] == pytest.approx([0.6, 0.9])
    assert [rate.corrected.mean for rate in report.rates if rate.corrected] == pytest.approx([0.4, 0.8])
    assert report.difference is not None
    assert report.difference.judge == pytest.approx(0.3)
    assert report.difference.corrected is not None
    assert report.difference.corrected.mean == pytest.approx(0.4)
    assert report.difference.corrected.labels == 10
    assert report.counts == {(True, True): 11, (True, False): 1, (False, True): 4, (False, False): 4}
    assert report.answers == 20
    assert report.agreement.recall == pytest.approx(11 / 12)
    assert report.agreement.specificity == pytest.approx(4 / 8)
    assert {one.row.example_id for one in report.disagreements} == {"q3", "q4", "q5", "q6", "q8"}


def test_labels_of_a_few_flips_do_not_stand_for_all_answers() -> None:
    # 10 flips on which the judge is always wrong, 90 rows on which it is always right.
    rows = _rows([0.9] * 10 + [0.9] * 45 + [0.1] * 45, [0.1] * 10 + [0.9] * 45 + [0.1] * 45)
    truth = {f"q{n}": (False, True) if n < 10 else (n < 55, n < 55) for n in range(100)}
    ids = {f"q{n}" for n in (*range(10), *range(10, 15), *range(60, 65))}
    report = judge_report(rows, _people(rows, truth, ids), 0.5)
    # 10 of 20 labelled rows are wrong, but 10 of all 100.
    assert report.agreement.accuracy == pytest.approx(0.9)
    assert report.difference is not None
    assert report.difference.judge == pytest.approx(-0.1)
    assert report.difference.corrected is not None
    assert report.difference.corrected.mean == pytest.approx(0.1)


def test_the_same_answer_twice_needs_no_label_for_the_difference() -> None:
    rows = _rows([0.9] * 30, [0.9] * 20 + [0.1] * 10, same=20)
    truth = {f"q{n}": (True, False) for n in range(30)}
    report = judge_report(rows, _people(rows, truth, {f"q{n}" for n in range(20, 30)}), 0.5)
    assert report.difference is not None
    assert report.difference.corrected is not None
    assert report.difference.corrected.unlabelled == 0
    assert report.difference.corrected.mean == pytest.approx(-1 / 3)
    assert report.rates[0].corrected is not None
    assert report.rates[0].corrected.unlabelled == pytest.approx(2 / 3)


def test_a_judge_that_guesses_corrects_nothing() -> None:
    rows = _rows([0.9] * 10 + [0.1] * 10, [0.9] * 10 + [0.1] * 10)
    truth = {f"q{n}": (n % 2 == 0, n % 2 == 1) for n in range(20)}
    report = judge_report(rows, _people(rows, truth, set(truth)), 0.5)
    assert "TPR + TNR is 1.00" in report.refusal
    assert report.difference is not None
    assert report.difference.corrected is None
    assert all(rate.corrected is None for rate in report.rates)


def test_a_judge_is_not_refused_by_a_handful_of_labels() -> None:
    rows = _rows([0.9] * 4 + [0.1] * 4, [0.9] * 4 + [0.1] * 4)
    truth = {f"q{n}": (n % 2 == 0, n % 2 == 1) for n in range(8)}
    assert judge_report(rows, _people(rows, truth, set(truth)), 0.5).refusal == ""


def test_before_any_label_nothing_is_claimed() -> None:
    report = judge_report(_rows([0.9, 0.1], [0.1, 0.1]), {}, 0.5)
    assert (report.answers, report.refusal, report.agreement.kappa) == (0, "", None)
    assert report.difference is not None
    assert report.difference.corrected is None


def test_most_people_decide_and_a_tie_decides_nothing() -> None:
    def label(subject: str, person: str, choice: str) -> JudgeLabel:
        return JudgeLabel(subject, "faithfulness", person, choice)  # type: ignore[arg-type]

    labels = [
        label("a", "ann", "pass"), label("a", "bob", "pass"), label("a", "eve", "fail"),
        label("b", "ann", "pass"), label("b", "bob", "fail"),
        label("c", "ann", "unsure"), label("d", "ann", "fail"), label("d", "bob", "fail"),
    ]  # fmt: skip
    assert people_labels(labels) == {"a": True, "d": False}
    assert people_agreement(labels) == (1, 3)


def test_a_begun_pair_is_ended_first_and_second_opinions_come_last() -> None:
    rows = _rows([0.9] * 4, [0.1, 0.9, 0.9, 0.9])
    last = rows[-1]
    begun = next_row(rows, {last.subjects[0]: True}, {last.subjects[0]})
    assert begun == last
    done_by_others = {subject: True for row in rows[:-1] for subject in row.subjects}
    assert next_row(rows, done_by_others, set()) == last
    everything = {subject: True for row in rows for subject in row.subjects}
    assert next_row(rows, everything, set()) is not None
    assert next_row(rows, everything, set(everything)) is None
