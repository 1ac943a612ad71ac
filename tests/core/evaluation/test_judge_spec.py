import pytest
from pydantic import BaseModel, ValidationError

from llmopt_core.evaluation.judge import JudgeSpec
from llmopt_core.evaluation.judge_agreement import JUDGE, in_one_sentence


class Holder(BaseModel):
    judge: JudgeSpec = JudgeSpec()


def test_the_word_builtin_and_a_mapping():
    assert Holder.model_validate({"judge": "builtin"}).judge == JudgeSpec()
    judge = Holder.model_validate({"judge": {"endpoint": "openai", "model": "gpt-x"}}).judge
    assert (judge.is_builtin, judge.label) == (False, "gpt-x on openai")
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
    assert "faithfulness 0.96 (BEGIN), faithfulness 0.76 (SummEdits), context precision 0.92 (SelQA)" in told
    assert "XQuAD" not in told
