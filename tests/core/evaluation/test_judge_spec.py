import pytest
from pydantic import BaseModel, ValidationError

from llmopt_core.evaluation.judge_agreement import AGREEMENT, JUDGE, in_one_sentence, judge_note
from llmopt_core.evaluation.judges.families import FAMILIES, share_of
from llmopt_core.evaluation.judges.judge import JudgeSpec


class Holder(BaseModel):
    judge: JudgeSpec = JudgeSpec()


def test_the_word_builtin_and_a_mapping():
    assert Holder.model_validate({"judge": "builtin"}).judge == JudgeSpec()
    judge = Holder.model_validate({"judge": {"endpoint": "openai", "model": "gpt-x"}}).judge
    assert (judge.is_builtin, judge.label) == (False, "gpt-x on openai (judge v4)")
    assert judge.chat_model.mode == "chat"


@pytest.mark.parametrize("value", ["openai", {"model": "gpt-x"}, {"endpoint": "openai", "modle": "x"}, 3])
def test_anything_else_is_refused(value):
    with pytest.raises(ValidationError):
        Holder.model_validate({"judge": value})


def test_what_changes_a_verdict_changes_the_version():
    base = JudgeSpec(endpoint="a", model="m")
    assert base.version == JudgeSpec(endpoint="a", model="m").version
    assert base.version != JudgeSpec(endpoint="a", model="m", temperature=1.0).version
    assert base.version != JudgeSpec().version


def test_the_agreement_that_is_told_is_that_with_people_and_of_this_judge() -> None:
    told = in_one_sentence()
    assert JudgeSpec().label == JUDGE
    assert "grounding, not correctness" in told
    assert "faithfulness 0.96 (BEGIN)" in told
    assert "context precision 0.92 (SelQA)" in told
    assert "XQuAD" not in told


def test_what_it_cannot_see_is_told_beside_its_scores() -> None:
    told = judge_note(JUDGE, ["faithfulness"])
    assert told == in_one_sentence()
    assert "(BEGIN)" in told
    assert "the names in brackets are public sets of answers that people labelled" in told
    rejected, passed = share_of("free paraphrase"), 1 - share_of("invention")
    assert f"rejects {rejected:.0%} of free paraphrases, and lets {passed:.0%} of plausible inventions pass" in told
    assert judge_note(JUDGE, ["exact_match"]) == judge_note("gpt-x on openai", ["faithfulness"]) == ""
    assert "not comparable" in judge_note("built-in judge v1", ["faithfulness"])


def test_intervals_hold_their_figures() -> None:
    assert all(row.low <= row.auc <= row.high for row in AGREEMENT)
    assert all(family.low <= family.share <= family.high for family in FAMILIES)
    assert {family.language for family in FAMILIES} == {"en", "zh"}
