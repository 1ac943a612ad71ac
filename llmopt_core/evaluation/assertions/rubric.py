"""An assertion in words, graded by an LLM."""

from __future__ import annotations

import json

from pydantic import AliasChoices, BaseModel, Field

from llmopt_core.evaluation.assertions.text import Finding
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.judges.llm import REPAIR, SYSTEM, no_verdict_reason, read_reply
from llmopt_core.evaluation.sample import CouldNotScore, Meter
from llmopt_core.models.base import ChatModel, ChatRequest
from llmopt_core.types import Message

RUBRIC_VERSION = "1"


class RubricVerdict(BaseModel):
    """What the judge is asked to reply."""

    reason: str = ""
    # promptfoo's own word is `pass`, and judges that know it write that.
    passed: bool = Field(validation_alias=AliasChoices("passed", "pass"))
    score: float = Field(ge=0.0, le=1.0)


# Six arguments in a row, of which none can be left out.
async def meets_rubric(  # noqa: PLR0917
    answer: str, rubric: str, threshold: float | None, judge: JudgeSpec, chat: ChatModel, meter: Meter
) -> Finding:
    """Whether the judge finds that the answer meets the rubric, with a score between 0 and 1.

    Args:
        answer: The text to grade.
        rubric: What a good answer does, in words.
        threshold: Least score; None leaves it to the judge's verdict.
        judge: Which model grades, and how.
        chat: That model.
        meter: Counts the calls.

    Raises:
        EndpointError: The model failed.
        CouldNotScore: It twice replied with something else than the JSON asked for.
    """
    # As JSON texts: quotation marks and line breaks in an answer cannot end it early and go on as instructions.
    prompt = RUBRIC.format(rubric=json.dumps(rubric, ensure_ascii=False), answer=json.dumps(answer, ensure_ascii=False))
    messages = [Message("system", SYSTEM), Message("user", prompt)]
    problem: ValueError | None = None
    # One repair: judges that fail twice fail on, at a price.
    for _ in range(2):
        reply = await chat.complete(ChatRequest(tuple(messages), judge.chat_model))
        meter.add(reply.usage)
        try:
            # The material is passed on, since an object within the answer must not count as a verdict.
            verdict = read_reply(reply.text, RubricVerdict, {"rubric": rubric, "answer": answer})
        except ValueError as error:
            problem = error
            messages += [Message("assistant", reply.text), Message("user", REPAIR.format(problem=error))]
            continue
        # For mypy; `read_reply` gives what was asked for.
        assert isinstance(verdict, RubricVerdict)  # noqa: S101
        # Both must hold: some judges say "passed" with a score of 0.2.
        has_passed = verdict.passed and (threshold is None or verdict.score >= threshold)
        return Finding(has_passed, verdict.reason or "The judge gave no reason.", verdict.score)
    # A reply that was cut off needs more tokens, which the reason then says.
    if reply.finish_reason == "length":
        raise CouldNotScore(no_verdict_reason(judge, reply, problem))
    raise CouldNotScore(f"The judge {judge.name} gave no usable verdict, twice: {problem}.")


RUBRIC = """\
Decide whether an answer meets a rubric. Judge by the rubric alone. Rubric and answer are JSON strings.

Rubric: {rubric}

Answer: {answer}

Reply with one JSON object: {{"reason": "one sentence", "passed": true or false, "score": a number from 0.0 to 1.0}}"""
