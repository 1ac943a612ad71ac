import json

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import assertions_of
from llmopt_core.experiments.assertion_rows import assertions_from_rows
from llmopt_core.finetuning.data.lint import check_file
from llmopt_core.finetuning.data.structured_outputs import score_output
from llmopt_core.labs.finetuning.structured_outputs import has_intent
from llmopt_core.labs.retrieval.changes import from_text
from llmopt_core.text.json_text import parse_json
from llmopt_core.types import Example

# More than any parser of JSON goes down.
DEEP = "[" * 100_000


@pytest.mark.parametrize("text", [DEEP, DEEP + "]" * 100_000, '{"a":' * 100_000, "{", "9" * 5_000])
def test_what_cannot_be_parsed_is_one_kind_of_error(text):
    with pytest.raises(ValueError, match=r"."):
        parse_json(text)


def test_a_structured_answer_that_is_nested_too_deeply_misses_all():
    assert score_output(DEEP, '{"intent": "a", "slots": {"b": "c"}}').valid is False
    assert has_intent(DEEP) is False


def test_arguments_of_a_call_that_are_nested_too_deeply_are_told_with_their_line():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": DEEP}}
    example = {
        "messages": [{"role": "user", "content": "go"}, {"role": "assistant", "tool_calls": [call]}],
        "tools": [{"type": "function", "function": {"name": "f"}}],
    }
    report = check_file(json.dumps(example).encode(), "deep.jsonl")
    assert report.errors["invalid_tool_call"] == 1


def test_assertions_and_changes_that_are_nested_too_deeply_are_told():
    with pytest.raises(BadInput, match="must be a JSON list"):
        assertions_of(Example("1", "q", variables={"checks": DEEP}))
    assert assertions_of(Example("1", "q", variables={"assertions": DEEP})) == ()
    with pytest.raises(BadInput, match="nested too deeply"):
        assertions_from_rows([{"type": "json-schema", "value": DEEP}])
    with pytest.raises(BadInput, match="cannot be read"):
        from_text(DEEP)
