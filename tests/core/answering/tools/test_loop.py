"""A conversation with tools."""

import pytest

from llmopt_core.answering.tools.calculator import Calculator
from llmopt_core.answering.tools.loop import MOST_ROUNDS, converse
from llmopt_core.errors import EndpointError
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import Message, ToolCall

MODEL = ModelSpec(endpoint="scripted", mode="chat")
QUESTION = (Message("system", "Be short."), Message("user", "How much is 17 * 23?"))


def call(expression, number="1"):
    return ToolCall(number, "calculator", f'{{"expression": "{expression}"}}')


async def run(replies, **more):
    chat = ScriptedChat(replies)

    async def complete(messages, tools):
        return await chat.complete(ChatRequest(messages, MODEL, tools=tools))

    return await converse(QUESTION, [Calculator()], complete, **more), chat


async def test_results_go_back_until_the_model_answers():
    conversation, chat = await run([call("17 * 23"), "It is 391."])
    assert conversation.completion.text == "It is 391."
    assert [message.role for message in conversation.messages] == ["system", "user", "assistant", "tool"]
    assert conversation.messages[-1].content == "391"
    assert [tool.name for tool in chat.requests[0].tools] == ["calculator"]
    assert conversation.notes == []


async def test_several_calls_of_one_message_are_answered_in_their_order():
    conversation, _ = await run([(call("1 + 1", "a"), call("2 + 2", "b")), "Done."])
    assert [(m.tool_call_id, m.content) for m in conversation.messages[-2:]] == [("a", "2"), ("b", "4")]


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (ToolCall("1", "calculator", '{"expression": "1/0"}'), "Error: 1/0 divides by zero."),
        (ToolCall("1", "calculator", "{broken"), "Error: The arguments are no JSON"),
        (ToolCall("1", "calculator", "[1]"), "Error: The arguments must be a JSON object."),
        (ToolCall("1", "weather", "{}"), "Error: There is no tool 'weather'; there is: calculator."),
    ],
)
async def test_a_wrong_call_is_told_to_the_model(bad, error):
    conversation, _ = await run([bad, "I cannot say."])
    assert conversation.messages[-1].content.startswith(error)
    assert conversation.completion.text == "I cannot say."


async def test_a_model_that_calls_on_and_on_must_answer_at_last():
    conversation, chat = await run([*[call("1")] * MOST_ROUNDS, "It is 1."])
    assert conversation.completion.text == "It is 1."
    assert chat.requests[-1].tools == ()
    assert conversation.notes == ["After 8 rounds of calls the model had to answer with what it had."]


async def test_an_endpoint_without_tool_calling_is_asked_in_plain_text():
    refusal = EndpointError("this model does not support tools", kind="bad-request")
    text = 'I compute.\nTOOL calculator {"expression": "17 * 23"}\nRESULT calculator: 400'
    conversation, chat = await run([refusal, text, "It is 391."])
    assert conversation.completion.text == "It is 391."
    assert conversation.notes == ["The endpoint has no tool calling, so tools were called through plain text."]
    assert conversation.messages[-1].content == "391"
    first, second = chat.requests[1:]
    assert first.tools == ()
    assert first.messages[0].content.startswith("Be short.\n\nYou may use tools.")
    assert [message.role for message in second.messages] == ["system", "user", "assistant", "user"]
    # What the model imagined behind its call is gone.
    assert second.messages[2].content == 'I compute.\nTOOL calculator {"expression": "17 * 23"}'
    assert second.messages[3].content == "RESULT calculator: 391"


async def test_another_failure_is_no_reason_for_plain_text():
    with pytest.raises(EndpointError, match="too long"):
        await run([EndpointError("the prompt is too long", kind="bad-request")])


async def test_a_text_model_is_asked_in_plain_text_at_once():
    conversation, chat = await run(['TOOL calculator {"expression": "1+1"}', "2"], plain=True)
    assert (conversation.completion.text, len(chat.requests)) == ("2", 2)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ('```\nTOOL calculator {"expression": "1+1"}\n```', "2"),
        ('TOOL calculator {"expression": "1+1"}\nTOOL calculator {"expression": "2+2"}\nIt is 2.', "2"),
        ('```json\n{"name": "calculator", "arguments": {"expression": "1+1"}}\n```', "2"),
        ('<tool_call>\n{"name": "calculator", "parameters": {"expression": "1+1"}}\n</tool_call>', "2"),
        ("TOOL calculator 1+1", "Error: The arguments are no JSON"),
        ('TOOL calculator {"expression": "1+1"', "Error: The arguments are no JSON"),
    ],
)
async def test_calls_in_plain_text_are_read_as_models_write_them(text, result):
    conversation, _ = await run([text, "Done."], plain=True)
    assert conversation.messages[-1].content.startswith(result)
    assert conversation.completion.text == "Done."


@pytest.mark.parametrize(
    "text", ["TOOL weather is none of mine.", '{"name": "Ann", "arguments": 2}', "A TOOL calculator"]
)
async def test_an_answer_that_looks_like_a_call_stays_one(text):
    conversation, _ = await run([text], plain=True)
    assert conversation.completion.text == text


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (
            "bad-request",
            '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser (400).',
        ),
        ("bad-request", "registry.ollama.ai/library/gemma:2b does not support tools (400)."),
        ("server-error", "tools param requires --jinja flag (HTTP 500)."),
        ("bad-request", "Unsupported parameter: 'tools' is not supported with this model. (400)"),
        ("bad-request", "Extra inputs are not permitted: body.tools (422)"),
        ("not-found", "No endpoints found that support tool use. (404)"),
    ],
)
async def test_services_without_tool_calling_say_so_in_many_ways(kind, text):
    conversation, _ = await run([EndpointError(text, kind=kind), "It is 391."])
    assert conversation.completion.text == "It is 391."
    assert "plain text" in conversation.notes[0]
