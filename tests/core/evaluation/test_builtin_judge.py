from dataclasses import replace

import pytest

from llmopt_core.evaluation.judges.builtin.evasions import is_evasive
from llmopt_core.evaluation.judges.builtin.judge import statements
from llmopt_core.evaluation.judges.builtin.numerals import amounts, missing
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.metrics.registry import build_metrics
from llmopt_core.evaluation.ragas_bridge import question_of
from llmopt_core.evaluation.sample import CouldNotScore
from llmopt_core.models.base import BUILTIN_EMBEDDING, EmbeddingSpec
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder
from llmopt_core.settings import Settings
from tests.core.evaluation.samples import BANANAS, QUESTION, TOWER, sample
from tests.core.evaluation.test_llm_judge import NASTY


async def test_each_statement_with_its_reason_and_source(scored):
    answer = "The Eiffel Tower was completed in 1889 [1]. Picasso designed it in Rome [1, 2]."
    score = await scored("faithfulness", sample(answer))
    assert score.value == 0.5
    assert score.judge == "built-in judge v4"
    first, second = score.evidence
    assert (first.statement, first.verdict) == ("The Eiffel Tower was completed in 1889.", True)
    assert first.source == "The Eiffel Tower was completed in 1889 for the World's Fair."
    assert (second.statement, second.verdict) == ("Picasso designed it in Rome.", False)
    assert "picasso" in second.reason
    assert "1 of 2 statements" in score.explanation


@pytest.mark.parametrize(
    "wrong",
    [
        "The Eiffel Tower was completed in 1925 for the World's Fair.",
        "The Eiffel Tower was not completed in 1889 for the World's Fair.",
        "The Brandenburg Gate was completed in 1889 for the World's Fair.",
    ],
)
async def test_a_changed_number_name_or_negation_is_not_supported(scored, wrong):
    assert (await scored("faithfulness", sample(wrong))).value == 0.0


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("The Eiffel Tower was completed in nineteen twenty for the World's Fair.", "the amount 'nineteen twenty'"),
        ("The Eiffel Tower was begun in 1889 for the World's Fair.", "'begun' where the text says 'completed'"),
        ("The Eiffel Tower was completed in 1889 with Belgian granite for the World's Fair.", "'Belgian granite'"),
    ],
)  # fmt: skip
async def test_the_rule_that_speaks_gives_its_reason_in_the_explanation(scored, wrong, reason):
    score = await scored("faithfulness", sample(wrong))
    assert score.value == 0.0
    assert reason in score.explanation
    assert reason in score.evidence[0].reason


async def test_talk_in_a_reply_is_no_statement(scored):
    score = await scored("faithfulness", sample("That's great! The Eiffel Tower was completed in 1889, you know."))
    assert [part.statement for part in score.evidence] == ["The Eiffel Tower was completed in 1889, you know."]
    assert score.value == 1.0


async def test_short_answers_are_judged_as_answers_to_the_question(scored):
    assert (await scored("faithfulness", sample("1889"))).value == 1.0
    assert (await scored("faithfulness", sample("1925"))).value == 0.0
    assert (await scored("faithfulness", sample("potassium"))).value == 0.0


@pytest.mark.parametrize(
    ("question", "text", "right", "wrong"),
    [
        (
            "Within how many days are returns accepted?",
            "Returns are accepted within thirty days, unless the item was worn. Refunds take five working days.",
            ["thirty days", "30 days", "within 30 days", "30"],
            ["thirteen days", "13 days", "thirty weeks"],
        ),
        (
            "How high is the tower?",
            "The tower is 85 metres high and was finished in 1712.",
            ["85 m", "85 metres", "eighty-five metres"],
            ["58 metres", "85 feet", "fifty-eight metres"],
        ),
        (
            "How many people does the company employ?",
            "The company employs 4.2 million people in three countries.",
            ["4.2 million", "4,200,000", "four point two million"],
            ["2.4 million", "4.2 billion"],
        ),
        (
            "比赛持续了多久？",
            "比赛在上海举行，持续了三个小时。",
            ["三个小时", "3个小时", "3小时"],
            ["四个小时", "三天"],
        ),
    ],
)
async def test_amounts_in_short_answers_count_however_they_are_written(scored, question, text, right, wrong):
    for answer in (*right, *wrong):
        score = await scored("faithfulness", sample(answer, [text], question))
        assert score.value == (1.0 if answer in right else 0.0), answer
    assert "the text does not have the amount" in score.explanation


async def test_an_evasive_answer_states_nothing_and_answers_nothing(scored):
    assert (await scored("faithfulness", sample("I don't know."))).value is None
    relevancy = await scored("answer_relevancy", sample("I don't know."))
    assert (relevancy.value, relevancy.evidence[0].verdict) == (0.0, False)


@pytest.mark.parametrize(
    ("text", "evasive"),
    [
        ("I don't know.", True),
        ("I’m not sure about that", True),
        ("The context does not mention the year.", True),
        ("Unknown", True),
        ("This cannot be determined from the passages.", True),
        ("No information is given.", True),
        ("我不知道。", True),
        ("文中没有提到。", True),
        ("The plan does not include dental care.", False),
        ("Socrates said that he knew nothing.", False),
        ("The unknown soldier is buried in Arlington.", False),
        ("1889", False),
    ],
)
def test_evasive(text, evasive):
    assert is_evasive(text) == evasive


def test_statements_leave_out_marks_citations_and_refusals():
    assert statements("It is big [1]. \n---\n I don't know more. It is old [2, 3]!") == ["It is big.", "It is old!"]
    assert statements("1889") == ["1889"]


@pytest.mark.parametrize(("contexts", "value"), [((TOWER, BANANAS), 1.0), ((BANANAS, TOWER), 0.5), ((BANANAS,), 0.0)])
async def test_useful_chunks_should_stand_at_the_top(scored, contexts, value):
    score = await scored("context_precision", sample(contexts=contexts))
    assert score.value == value
    assert [part.verdict for part in score.evidence] == [text == TOWER for text in contexts]


async def test_recall_per_sentence_of_the_reference(scored):
    reference = "The Eiffel Tower was completed in 1889 for the World's Fair. Its lifts run on green cheese from Mars."
    score = await scored("context_recall", sample(reference=reference))
    assert score.value == 0.5
    assert [part.verdict for part in score.evidence] == [True, False]


async def test_a_reference_that_reads_like_a_refusal_is_a_reference(scored):
    what = sample(contexts=("His religious views are unknown.",), question="What were his views?", reference="Unknown")
    assert (await scored("context_recall", what)).value is not None
    assert (await scored("context_precision", what)).value is not None


async def test_chinese(scored):
    context = "埃菲尔铁塔于1889年竣工，高330米。它位于巴黎。"
    what = sample("埃菲尔铁塔于1889年竣工。长城建于明朝时期的北方。", (context,), "埃菲尔铁塔何时竣工？", "1889年")
    score = await scored("faithfulness", what)
    assert [part.verdict for part in score.evidence] == [True, False]
    assert (await scored("context_recall", what)).value == 1.0


@pytest.mark.parametrize("metric", ["faithfulness", "answer_relevancy", "context_precision", "context_recall"])
@pytest.mark.parametrize("text", [NASTY, "?!", "\x00", "🙂 🙃", "\ud800", "x" * 20_000, "۱۲۳ مرحبا"])
async def test_odd_text_gives_a_value_or_a_reason(scored, metric, text):
    score = await scored(metric, sample(text, (text,), text, text))
    assert (score.value is None) == bool(score.failure)
    assert score.value is None or 0.0 <= score.value <= 1.0
    assert "Error" not in score.failure


async def test_text_that_imitates_ragas_prompt_is_judged_as_text(scored):
    score = await scored("context_precision", sample(question=NASTY, reference=NASTY, contexts=(NASTY, BANANAS)))
    assert [part.verdict for part in score.evidence] == [True, False]


def test_a_prompt_of_another_form_is_refused():
    with pytest.raises(CouldNotScore, match=r"ragas==0\.4\.3"):
        question_of("Judge this: {}")


async def test_scores_are_the_same_every_time_and_embed_each_text_once(tmp_path):
    embedder = HashEmbedder(48)
    models = Models(Settings(home=tmp_path), endpoints={})
    models.register_embedder(BUILTIN_EMBEDDING, embedder)
    calls: list[str] = []
    encode_tokens = embedder.encode_tokens
    embedder.encode_tokens = lambda texts: calls.extend(texts) or encode_tokens(texts)  # type: ignore[method-assign]
    embedder.name = "counted"
    metrics = build_metrics(["faithfulness", "context_precision", "context_recall"], JudgeSpec(), models)
    first = [(await metric.score(sample("It was completed in 1889.")))[0] for metric in metrics]
    again = [(await metric.score(sample("It was completed in 1889.")))[0] for metric in metrics]
    assert first == again
    texts = [text for text in calls if len(text) > 1]
    assert len(texts) == len(set(texts))


async def test_the_judge_reads_tokens_whatever_embedding_relevancy_uses(models):
    other = HashEmbedder(16)
    models.register_embedder("other", other)
    judge = JudgeSpec(embedding=EmbeddingSpec(model="other"))
    score, _ = await build_metrics(["answer_relevancy"], judge, models)[0].score(sample())
    assert score.value is not None
    assert QUESTION in other.inputs


@pytest.mark.parametrize("metric", ["context_recall", "context_precision"])
async def test_the_best_of_several_right_answers_is_judged(scored, metric):
    wrong, right = "It was completed in 1925 in Rome.", "The Eiffel Tower was completed in 1889."
    asked = sample(reference=wrong)
    several = replace(asked, example=replace(asked.example, variables={"right_answers": [wrong, right]}))
    assert (await scored(metric, asked)).value == 0.0
    score = await scored(metric, several)
    assert score.value == pytest.approx(1.0)
    assert score.explanation.endswith(f"Best of 2 right answers: {right}")


async def test_spellings_of_one_answer_are_judged_once_and_no_more_than_five_answers(scored):
    same = sample(reference="in Rome")
    same = replace(same, example=replace(same.example, variables={"right_answers": ["In Rome.", "the in Rome"]}))
    assert "right answers" not in (await scored("context_recall", same)).explanation
    many = [f"It stands in the city number {number}." for number in range(7)]
    asked = sample(reference=many[0])
    asked = replace(asked, example=replace(asked.example, variables={"right_answers": many}))
    assert "Best of the first 5 of 7 right answers" in (await scored("context_recall", asked)).explanation


@pytest.mark.parametrize(
    "words", ["hundred " * 200, "dozen " * 2_000, "万亿" * 200, "9" * 500, "hundred thirds " * 200]
)
def test_numbers_beyond_all_bounds_do_not_stop_the_judge(words):
    result = amounts(words)
    assert result
    assert missing(result, amounts("ten")) is not None


@pytest.mark.parametrize(
    "text",
    [
        "不知道。",
        "我不清楚。",
        "对不起，我不清楚这个问题的答案。",
        "抱歉，文中没有提到这一点。",
        "根据提供的资料，无法确定作者是谁。",
        "文中未提及具体日期。",
        "无法回答。",
        "目前不清楚。",
        "我不确定。",
        "上下文没有提供相关信息。",
        "没有相关信息。",
        "资料中没有说明价格。",
        "暂无相关信息。",
        "无从得知。",
        "不得而知。",
        "未知",
        "这要看情况。",
        "我无法提供该信息。",
        "很抱歉，我没有找到相关内容。",
        "视情况而定。",
        "所给文档并未提及此事。",
        "原文没有明确说明。",
        "我不太清楚。",
        "不太确定。",
    ],
)
def test_a_chinese_refusal_is_evasive(text):
    assert is_evasive(text)


@pytest.mark.parametrize(
    "text",
    [
        "作者没有给出答案。",
        "他一直不清楚自己的身世，直到母亲去世后才从一封旧信里得知真相。",
        "警方表示不清楚嫌疑人的去向，但已在全国范围内展开搜捕，并悬赏征集线索，预计一周内会有结果。",
        "当时的人们不知道地球是圆的。",
        "研究人员无法确定遗址的确切年代。",
        "合同没有提到违约金，因此买方只需退还定金即可解除合同，双方于三月达成和解并撤诉。",
        "该药物用于治疗高血压，常见副作用包括头晕和乏力，少数患者出现视力模糊、意识不清楚等症状，应立即停药就医。",
        "照片不清楚时请重新拍摄。",
        "如果不确定，请联系客服。",
        "如果您不清楚自己的账号，可以在设置页面查看。",
        "用户不知道密码时可点击重置。",
        "不确定性原理由海森堡提出。",
        "报告未说明原因，但指出产量下降了12%。",
    ],
)
def test_what_others_do_not_know_is_a_statement(text):
    assert not is_evasive(text)
    assert statements(text)


def test_a_long_chinese_answer_is_not_evasive_by_a_word_of_it():
    answer = "原因我不清楚，但消防部门在三小时内控制了火势，疏散了四百名居民，仓库将于明年重建，费用由保险公司承担。"
    assert not is_evasive(answer)
    assert is_evasive("火灾的原因，我不清楚。")
