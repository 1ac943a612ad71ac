"""The automatic kinds of failure, of records as a run keeps them and of records of a result file."""

from dataclasses import asdict
from typing import Any

import pytest

from llmopt_core.labs.evaluation.failure_counts import count_kinds
from llmopt_core.labs.evaluation.failure_kinds import FAILURE_KINDS, Diagnosis, diagnose, diagnose_all
from llmopt_core.labs.evaluation.record_facts import facts_from, facts_from_run, facts_of
from llmopt_core.statistics.intervals import wilson_interval
from llmopt_core.types import Answer, Chunk, Evidence, Example, Failure, Hit, Record, Score, Span, StageTrace

QUESTION = "What was Warsaw's first literary cabaret?"
TEXT = "Before the war Warsaw had many theatres. Its first literary cabaret was Momus, opened in 1912."
SOURCE = Span("warsaw.md", TEXT.index("Momus"), TEXT.index("Momus") + 5)
GOLD = Chunk("warsaw.md", 41, len(TEXT), TEXT[41:])
OTHER = [Chunk("other.md", at, at + 20, f"Text number {at} of others") for at in range(0, 400, 20)]


def hits(*chunks: Chunk) -> tuple[Hit, ...]:
    return tuple(Hit(chunk, 1 / place) for place, chunk in enumerate(chunks, 1))


def record(answer: str | None, given: list[Chunk], candidates: list[Chunk] | None = None, **changes: Any) -> Record:
    example = Example("q", QUESTION, changes.pop("reference", "Momus"), changes.pop("references", (SOURCE,)), "what")
    scores = {name: Score(name, value) for name, value in changes.pop("scores", {}).items()}
    search = StageTrace("search", "dense", hits=hits(*(candidates or given)))
    select = StageTrace("select", "top-k", hits=hits(*given))
    return Record(
        changes.pop("example", example),
        None if answer is None else Answer(answer, hits(*given), **changes.pop("answered", {})),
        changes.pop("trace", (search, select)),
        scores,
        **changes,
    )


def kinds(item: Record, **options: Any) -> tuple[str, ...]:
    return diagnose(facts_of(item, **options)).kinds


def test_a_right_answer_has_no_kind_whatever_a_judge_says_of_it() -> None:
    scores = {"faithfulness": 0.0, "answer_relevancy": 0.1, "exact_match": 1.0}
    diagnosis = diagnose(facts_of(record("Momus", OTHER[:1], scores=scores)))
    assert (diagnosis.passed, diagnosis.kinds, diagnosis.unknown) == (True, (), "")


def test_a_source_that_no_stage_had_was_not_retrieved() -> None:
    assert kinds(record("Wit", OTHER[:3], OTHER)) == ("not-retrieved",)


def test_a_source_among_the_candidates_alone_was_outranked_and_its_rank_is_told() -> None:
    diagnosis = diagnose(facts_of(record("Wit", OTHER[:3], [*OTHER[:11], GOLD])))
    assert diagnosis.kinds == ("outranked",)
    assert diagnosis.position.rank == 12
    assert "rank 12" in diagnosis.reasons["outranked"]


def test_a_rank_is_that_of_the_last_stage_that_had_the_source() -> None:
    trace = (
        StageTrace("search", "dense", hits=hits(*OTHER[:11], GOLD)),
        StageTrace("rerank", "late-interaction", hits=hits(*OTHER[:4], GOLD)),
        StageTrace("select", "top-k", hits=hits(*OTHER[:3])),
    )
    assert diagnose(facts_of(record("Wit", OTHER[:3], trace=trace))).position.rank == 5


def test_a_wrong_answer_over_its_source_has_not_used_it() -> None:
    assert kinds(record("Wit", [GOLD, *OTHER[:2]], scores={"faithfulness": 1.0})) == ("not-used",)


def test_a_wrong_answer_without_support_is_both_unsupported_and_not_used() -> None:
    assert kinds(record("Wit", [GOLD], scores={"faithfulness": 0.5})) == ("unsupported", "not-used")
    # More than half of its statements are supported: it is wrong, and not for want of support.
    assert kinds(record("Wit", [GOLD], scores={"faithfulness": 0.67})) == ("not-used",)


def test_a_claim_that_the_fact_check_did_not_confirm_is_unsupported() -> None:
    answer = {"claims": (Evidence("It was Wit.", False),)}
    assert kinds(record("It was Wit.", [GOLD], answered=answer)) == ("unsupported", "not-used")


@pytest.mark.parametrize(
    ("answer", "relevancy", "is_off"),
    [
        ("Warsaw is the capital of Poland and has many theatres.", 0.42, True),
        ("Warsaw is the capital of Poland and has many theatres.", 0.58, False),
        # A few words are far from any question, also right ones.
        ("Wit", 0.42, False),
        ("1912", 0.2, True),
    ],
)
def test_off_the_question_by_its_relevancy_and_length(answer: str, relevancy: float, is_off: bool) -> None:
    scores = {"faithfulness": 1.0, "answer_relevancy": relevancy}
    assert ("off-question" in kinds(record(answer, [GOLD], scores=scores))) is is_off


@pytest.mark.parametrize(
    "answer",
    [
        "I don't know.", "The passage does not mention it.", "Ich weiß es nicht.", "", " ", "It is not specified.",
        "No relevant details were found.", "无法从文中得知。", "根据提供的资料无法判断。", "找不到答案。",
        "文中没有任何相关信息。", "这段文字没有说明。",
    ],
)  # fmt: skip
def test_declining_is_refused_and_the_missing_source_comes_first(answer: str) -> None:
    assert kinds(record(answer, [GOLD])) == ("refused", "not-used")
    assert kinds(record(answer, OTHER[:3], OTHER)) == ("not-retrieved", "refused")


@pytest.mark.parametrize(
    "answer",
    [
        "The exact day is not stated, but it was Momus.",
        "虽然文中没有明确说明，但应该是 Momus。",
    ],
)
def test_who_doubts_and_says_the_right_thing_has_not_declined(answer: str) -> None:
    assert diagnose(facts_of(record(answer, [GOLD]))).passed is True


def test_a_long_chinese_answer_that_holds_such_words_is_no_refusal() -> None:
    long = (
        "华沙在战前有许多剧院，其中几家的开张日期已经无法确定，"
        "但是一般认为第一家是由一群诗人和演员在一九〇八年春天创办的。"
    )
    assert kinds(record(long, [GOLD])) == ("not-used",)


def test_declining_is_right_where_there_is_no_answer_and_claiming_one_is_unsupported() -> None:
    unanswerable = {"reference": "I don't know.", "references": ()}
    assert diagnose(facts_of(record("It is not mentioned in the text.", [GOLD], **unanswerable))).passed is True
    assert kinds(record("Momus", [GOLD], **unanswerable)) == ("unsupported",)


def test_without_a_right_answer_nobody_knows_whether_declining_is_right() -> None:
    diagnosis = diagnose(facts_of(record("I don't know.", [GOLD], reference=None, references=())))
    assert (diagnosis.passed, diagnosis.kinds) == (None, ())
    assert "without a right answer" in diagnosis.unknown


def test_the_right_content_in_the_wrong_form_is_a_wrong_format_alone() -> None:
    wordy = "The very first literary cabaret that the city of Warsaw ever had was called Momus, as one can read."
    assert kinds(record(wordy, OTHER[:3], OTHER, scores={"answer_f1": 0.1})) == ("wrong-format",)
    # Where nobody measured by words, a sentence is as good as a word.
    assert kinds(record(wordy, OTHER[:3], OTHER)) == ()


@pytest.mark.parametrize(
    ("checks", "answer", "expected"),
    [
        ([{"type": "is-json"}], "Momus", ("wrong-format",)),
        ([{"type": "regex", "value": "^M", "name": "begins well"}], "the Momus", ("wrong-format",)),
        ([{"type": "length", "value": {"max": 3}}], "Wit", ("wrong-format",)),
        ([{"type": "contains", "value": "1912"}], "Momus", ()),
    ],
)
def test_assertions_on_the_form(checks: list[dict[str, Any]], answer: str, expected: tuple[str, ...]) -> None:
    from llmopt_core.evaluation.assertions.columns import assertions_of, labels

    example = Example("q", QUESTION, "Momus", (), variables={"checks": checks})
    names = labels(assertions_of(example))
    scores = {**dict.fromkeys(names, 0.0), "checks": 0.0}
    diagnosis = diagnose(facts_of(record(answer, [GOLD], example=example, scores=scores)))
    assert diagnosis.passed is False
    assert diagnosis.kinds[:1] == expected
    assert bool(diagnosis.unknown) is (not expected)


def test_an_answer_that_was_cut_off_and_one_that_is_no_json() -> None:
    answer = {"finish_reason": "length"}
    assert kinds(record("Before the war Warsaw", [GOLD], answered=answer))[0] == "wrong-format"
    assert kinds(record("Momus", [GOLD], answered=answer)) == ()
    assert kinds(record("name: Momus", [GOLD], reference='{"name": "Momus"}', references=()))[0] == "wrong-format"


@pytest.mark.parametrize(("reference", "answer"), [("711,988", "711,988。"), ("20％", "是20％。")])
def test_a_full_width_mark_is_no_wrong_format(reference: str, answer: str) -> None:
    item = record(answer, [GOLD], reference=reference, references=(), scores={"answer_f1": 0.0, "exact_match": 0.0})
    assert (diagnose(facts_of(item)).passed, kinds(item)) == (True, ())


def test_what_was_cut_off_is_not_called_off_the_question() -> None:
    scores = {"faithfulness": 1.0, "answer_relevancy": 0.05}
    cut = record("Before the war Warsaw", [GOLD], answered={"finish_reason": "length"}, scores=scores)
    assert kinds(cut) == ("wrong-format",)
    assert kinds(record("Before the war Warsaw", [GOLD], scores=scores)) == ("off-question",)


def test_an_error_is_an_error_and_nothing_else() -> None:
    failure = Failure("answer", "timeout", "The endpoint did not answer in 60 s.")
    diagnosis = diagnose(facts_of(record(None, [], failure=failure)))
    assert diagnosis.kinds == ("error",)
    assert "did not answer" in diagnosis.reasons["error"]


def test_what_was_not_asked_is_unknown() -> None:
    unasked = Record(
        Example("q", QUESTION, "Momus"), scores={"answer_f1": Score("answer_f1", None, failure="No money.")}
    )
    diagnosis = diagnose(facts_of(unasked))
    assert (diagnosis.passed, diagnosis.kinds) == (None, ())
    assert "No money." in diagnosis.unknown


@pytest.mark.parametrize(
    ("reference", "answer", "passed"),
    [
        ("8 February 2016", "7 February 2016", False),
        ("8 February 2016", "on February 8, 2016", True),
        (
            "4",
            "There were 4 of them in all the years after the war, as far as anybody in the town remembers it.",
            False,
        ),
        ("4", "4", True),
        ("慕尼黑大学", "是慕尼黑大学。", True),
        ("慕尼黑大学", "柏林", False),
        # Full-width forms and marks, which F1 keeps where no word is Chinese.
        ("711,988", "711,988。", True),
        ("20％", "是20％。", True),
        ("20%", "２０％", True),
    ],
)
def test_right_and_wrong_by_the_words(reference: str, answer: str, passed: bool) -> None:
    assert diagnose(facts_of(record(answer, [GOLD], reference=reference, references=()))).passed is passed


def test_a_long_reference_is_neither_matched_nor_missed_by_some_words_in_common() -> None:
    long = (
        "The cabaret was opened by artists who wanted a stage for satire, and it was closed after two years of debts."
    )
    near = "Artists opened the cabaret, which closed because of debts."
    facts = facts_of(record(near, [GOLD], reference=long, references=()))
    assert diagnose(facts).passed is None
    scores = {"semantic_similarity": 0.9}
    assert diagnose(facts_of(record(near, [GOLD], reference=long, references=(), scores=scores))).passed is True


def test_without_references_and_scores_the_cause_is_unknown() -> None:
    long = " ".join(["word"] * 40)
    diagnosis = diagnose(facts_of(record("Nothing of this kind.", [GOLD], reference=long, references=())))
    assert (diagnosis.passed, diagnosis.kinds) == (False, ())
    assert "context recall was not scored" in diagnosis.unknown


def test_several_sources_of_which_one_was_given_are_not_guessed_about() -> None:
    second = Span("warsaw.md", 0, 10)
    item = record("Wit", [Chunk("warsaw.md", 0, 20, TEXT[:20])], OTHER, references=(SOURCE, second))
    diagnosis = diagnose(facts_of(item))
    assert diagnosis.kinds == ()
    assert "some were not" in diagnosis.unknown


def test_a_model_that_was_to_answer_from_memory_was_given_nothing() -> None:
    memory = record("Wit", [], trace=())
    assert kinds(memory, retrieves=False) == ("not-retrieved",)
    # A trace that is lost is no proof that nothing was found.
    assert kinds(memory) == ("not-given",)


def test_what_another_tool_does_not_say_is_unknown_though_the_source_is_known() -> None:
    imported = record("Wit", [], trace=())
    diagnosis = diagnose(facts_of(imported, retrieves=None))
    assert diagnosis.kinds == ()
    assert diagnosis.unknown == "Whether it was given the source: What the model was given is not known."
    # A chunk that its file shows is known.
    assert kinds(record("Wit", [GOLD], trace=()), retrieves=None) == ("not-used",)


def as_file(item: Record, **more: Any) -> dict[str, Any]:
    """The record with the keys that every result file has, and others."""
    given = item.answer.hits if item.answer else ()
    return {
        "example_id": item.example.id,
        "question": item.example.question,
        "reference": item.example.reference,
        "answer": item.answer.text if item.answer else None,
        "contexts": [{**{k: getattr(hit.chunk, k) for k in ("document", "start", "end", "text")}} for hit in given],
        "scores": {name: {"value": score.value} for name, score in item.scores.items()},
        "failure": asdict(item.failure) if item.failure else None,
        **more,
    }


def test_a_file_without_candidates_leaves_open_whether_the_source_was_outranked() -> None:
    item = record("Wit", OTHER[:3], scores={"context_recall": 0.0})
    diagnosis = diagnose(facts_from(as_file(item)))
    assert diagnosis.kinds == ("not-given",)
    assert diagnosis.unknown.startswith("Whether its source was not retrieved or outranked")


def test_a_file_that_has_the_ranks_tells_which() -> None:
    item = record("Wit", OTHER[:3])
    ranked = [{**asdict(SOURCE), "candidate_rank": 9}]
    assert diagnose(facts_from(as_file(item, references=ranked, candidates=30))).kinds == ("outranked",)
    missing = [{**asdict(SOURCE), "candidate_rank": None}]
    assert diagnose(facts_from(as_file(item, references=missing, candidates=30))).kinds == ("not-retrieved",)
    assert diagnose(facts_from(as_file(item, references=missing))).kinds == ("not-given",)


def test_the_words_of_a_file_say_what_was_given_where_nothing_else_does() -> None:
    assert diagnose(facts_from(as_file(record("Wit", [GOLD])))).kinds == ("not-used",)
    assert diagnose(facts_from(as_file(record("Wit", OTHER[:2])))).kinds == ("not-given",)


def test_a_file_without_contexts_does_not_say_what_was_given() -> None:
    values = as_file(record("Wit", []))
    del values["contexts"]
    diagnosis = diagnose(facts_from(values))
    assert diagnosis.kinds == ()
    assert "not known" in diagnosis.unknown


def test_a_run_of_a_file_that_retrieves_nothing_leaves_no_doubt_between_two_kinds() -> None:
    values = as_file(record("Wit", []), references=[asdict(SOURCE)])
    assert diagnose_all(facts_from_run({"uses_documents": False, "records": [values]}))[0].kinds == ("not-retrieved",)


@pytest.mark.parametrize("values", [{}, {"scores": {"m": {"value": None}}}, {"contexts": [{}], "answer": 3}])
def test_odd_records_of_files_are_unknown(values: dict[str, Any]) -> None:
    diagnosis = diagnose(facts_from({"example_id": "q", "scores": {}, **values}))
    assert (diagnosis.passed, diagnosis.kinds) == (None, ())
    assert diagnosis.unknown


def diagnosis(name: str, category: str | None, passed: bool | None, *found: Any) -> Diagnosis:
    return Diagnosis(name, category, passed, dict.fromkeys(found, "reason"))


def test_counts_by_configuration_and_category_with_wilsons_interval() -> None:
    diagnoses = {
        "a": [
            diagnosis("1", "who", False, "outranked", "refused"),
            diagnosis("2", "who", True),
            diagnosis("3", None, False),
            diagnosis("4", "who", None),
        ],
        "b": [diagnosis("1", "who", True)],
    }
    counts = {(one.configuration, one.kind): one for one in count_kinds(diagnoses)}
    assert len(counts) == 2 * (len(FAILURE_KINDS) + 1)
    refused = counts["a", "refused"]
    assert (refused.rate.passed, refused.rate.scored, refused.rate.total) == (1, 3, 4)
    assert (refused.rate.low, refused.rate.high) == wilson_interval(1, 3)
    assert refused.example_ids == ("1",)
    assert counts["a", None].example_ids == ("3",)
    assert counts["b", "refused"].rate.share == 0

    by_category = count_kinds(diagnoses, by_category=True, first_only=True)
    values = {(one.configuration, one.category, one.kind): one.rate.passed for one in by_category if one.rate.passed}
    assert values == {("a", "who", "outranked"): 1, ("a", "", None): 1}


def test_scores_of_other_texts_count_more_than_the_texts_of_a_file() -> None:
    # A file whose texts were made anonymous: every answer is its reference, and the measured F1 says otherwise.
    item = record(
        "answer 7", [GOLD], reference="answer 7", references=(), scores={"answer_f1": 0.1, "faithfulness": 0.1}
    )
    assert "unsupported" in kinds(item)
    assert "wrong-format" not in kinds(item)
