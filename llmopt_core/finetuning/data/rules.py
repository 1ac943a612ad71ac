"""The format rules of fine-tuning files, one line at a time.

The seven rules for conversations, and the names of their kinds, are those of the OpenAI cookbook's notebook "Data
preparation and analysis for chat model fine-tuning"; the rules for tool calls, weights and preference pairs follow
OpenAI's API reference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmopt_core.text.json_text import parse_json

ROLES = ("system", "developer", "user", "assistant", "function", "tool")
MESSAGE_KEYS = frozenset(
    {"role", "content", "name", "function_call", "weight", "tool_calls", "tool_call_id", "refusal"}
)
EXAMPLE_KEYS = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})
PAIR_KEYS = frozenset({"input", "preferred_output", "non_preferred_output"})
_PARTS = {"text": "text", "image_url": "image_url"}  # type of a content part -> the key that must be in it


class Problem(NamedTuple):
    """A broken rule: its kind, a message for people, and whether it is an error or merely a finding."""

    kind: str
    message: str
    is_error: bool = True


def is_preference(value: Any) -> bool:
    """Whether a line means to be a preference pair."""
    # One key is enough: a pair that lacks the others is told what it lacks, instead of being called a broken
    # conversation.
    return isinstance(value, Mapping) and bool(PAIR_KEYS & value.keys())


def check_example(value: Any) -> list[Problem]:
    """Every broken rule of one line's JSON value; empty where the line is good."""
    if not isinstance(value, Mapping):
        return [Problem("data_type", f"expected a JSON object, found {_type(value)}")]
    return list(_pair_problems(value) if is_preference(value) else _chat_problems(value))


def _type(value: Any) -> str:
    # `type(value)` is looked up, since `True` is an `int` to `isinstance`.
    names = {
        list: "a list",
        str: "a text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        dict: "an object",
    }
    return "null" if value is None else names.get(type(value), type(value).__name__)


def _chat_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _unknown_keys(value, EXAMPLE_KEYS)
    messages = value.get("messages")
    if not isinstance(messages, list) or not messages:
        kind = "an empty list" if messages == [] else _type(messages)
        yield Problem("missing_messages_list", f'expected "messages" with a list of messages, found {kind}')
        return
    yield from _message_list(messages, value)
    assistants = [m for m in messages if isinstance(m, Mapping) and m.get("role") == "assistant"]
    if not assistants:
        yield Problem("example_missing_assistant_message", "there is no assistant message, so nothing to learn")
    # Weight 0 says that an answer is context only.
    elif all(m.get("weight") == 0 for m in assistants):
        yield Problem("nothing_to_learn", "every assistant message has weight 0")
    elif isinstance(messages[-1], Mapping) and messages[-1].get("role") != "assistant":
        yield Problem("last_message_not_assistant", "the last message is not the assistant's", is_error=False)


def _pair_problems(value: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _unknown_keys(value, PAIR_KEYS)
    head = value.get("input")
    messages = head.get("messages") if isinstance(head, Mapping) else None
    if not isinstance(head, Mapping) or not isinstance(messages, list) or not messages:
        yield Problem("missing_input_messages", 'expected "input": {"messages": [...]} with at least one message')
    else:
        yield from _message_list(messages, head)
    sides = [value.get("preferred_output"), value.get("non_preferred_output")]
    for name, side in zip(("preferred_output", "non_preferred_output"), sides, strict=True):
        yield from _output(name, side)
    if sides[0] == sides[1] and sides[0]:
        yield Problem("identical_outputs", "the preferred and the other output are the same", is_error=False)


def _output(name: str, side: Any) -> Iterator[Problem]:
    if not isinstance(side, list) or not side:
        yield Problem(f"missing_{name}", f'expected "{name}" with a list of one assistant message, found {_type(side)}')
    elif len(side) != 1 or not isinstance(side[0], Mapping) or side[0].get("role") != "assistant":
        yield Problem("output_not_one_assistant_message", f"{name} must be exactly one assistant message")
    else:
        yield from _message_problems(side[0], name)


def _unknown_keys(value: Mapping[str, Any], format_keys: frozenset[str]) -> Iterator[Problem]:
    if unknown_keys := sorted(map(str, value.keys() - format_keys)):
        # Only a doubt: the gateways of some services take keys that OpenAI's does not.
        message = f"key {', '.join(unknown_keys)} is not part of the format; some services refuse it"
        yield Problem("example_unrecognized_key", message, is_error=False)


def _message_list(messages: Sequence[Any], head: Mapping[str, Any]) -> Iterator[Problem]:
    for number, message in enumerate(messages, 1):
        yield from _message_problems(message, f"message {number}")
    yield from _tool_problems(messages, head)


def _message_problems(message: Any, where: str) -> Iterator[Problem]:
    if not isinstance(message, Mapping):
        yield Problem("data_type", f"{where}: expected an object with role and content, found {_type(message)}")
        return
    # An assistant message that calls a tool, or refuses, may leave its content out.
    calls = bool(message.get("tool_calls") or message.get("function_call") or message.get("refusal"))
    if "role" not in message or ("content" not in message and not calls):
        # The role is named first, since without it nobody knows whether content is needed.
        missing = "role" if "role" not in message else "content"
        yield Problem("message_missing_key", f'{where}: there is no "{missing}"')
    if unknown_keys := sorted(map(str, message.keys() - MESSAGE_KEYS)):
        yield Problem("message_unrecognized_key", f"{where}: unknown key {', '.join(unknown_keys)}")
    if message.get("role") not in ROLES:
        yield Problem("unrecognized_role", f"{where}: the role is not one of {', '.join(ROLES)}")
    if not _has_content(message.get("content"), calls):
        yield Problem("missing_content", f"{where}: the content is missing, empty or not a text")
    yield from _weight_problems(message, where)


def _has_content(content: Any, calls: bool) -> bool:
    if isinstance(content, list):
        return bool(content) and all(isinstance(p, Mapping) and _PARTS.get(str(p.get("type"))) in p for p in content)
    # A text must not be empty, unless there are calls instead of it.
    return calls and content in (None, "") if not content else isinstance(content, str)


def _weight_problems(message: Mapping[str, Any], where: str) -> Iterator[Problem]:
    if "weight" not in message:
        return
    weight = message["weight"]
    if message.get("role") != "assistant":
        yield Problem("invalid_weight", f"{where}: only assistant messages may have a weight")
    # `True in (0, 1)` holds in Python, but a service refuses `true`.
    elif isinstance(weight, bool) or weight not in (0, 1):
        yield Problem("invalid_weight", f"{where}: a weight must be 0 or 1")


def _tool_problems(messages: Sequence[Any], head: Mapping[str, Any]) -> Iterator[Problem]:
    tool_names: set[str] = set()
    tools = head.get("tools") or []
    if not isinstance(tools, list) or not all(_is_tool(tool) for tool in tools):
        yield Problem("invalid_tools", 'every tool must be {"type": "function", "function": {"name": ...}}')
    else:
        tool_names = {tool["function"]["name"] for tool in tools}
    # Ids of calls that wait for their tool message. Every call must be answered before anybody else speaks.
    open_calls: set[str] = set()
    for number, message in enumerate(messages, 1):
        if isinstance(message, Mapping):
            if open_calls and message.get("role") != "tool":
                words = (
                    f"message {number}: {len(open_calls)} tool call(s) before it without a tool message as the answer"
                )
                yield Problem("unanswered_tool_call", words)
                open_calls.clear()  # told once, not again for each message that follows
            yield from _call_problems(message, f"message {number}", tool_names, open_calls)
    # A conversation may end with the call that is to be learned; only a half-answered one is a doubt.
    if open_calls and isinstance(messages[-1], Mapping) and messages[-1].get("role") != "assistant":
        yield Problem("unanswered_tool_call", f"{len(open_calls)} tool calls have no tool message", is_error=False)


def _is_tool(tool: Any) -> bool:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return isinstance(function, Mapping) and isinstance(function.get("name"), str) and tool.get("type") == "function"


def _call_problems(
    message: Mapping[str, Any], where: str, tool_names: set[str], open_calls: set[str]
) -> Iterator[Problem]:
    calls = message.get("tool_calls")
    if message.get("role") == "tool":
        if str(message.get("tool_call_id")) not in open_calls:
            yield Problem("invalid_tool_call", f"{where}: tool_call_id answers no earlier call")
        open_calls.discard(str(message.get("tool_call_id")))
    if not calls:
        return
    if message.get("role") != "assistant" or not isinstance(calls, list):
        yield Problem("invalid_tool_call", f"{where}: tool_calls must be a list in an assistant message")
        return
    for call in calls:
        problem = _call_problem(call, tool_names)
        if problem:
            yield Problem("invalid_tool_call", f"{where}: {problem}")
        else:
            open_calls.add(str(call["id"]))


def _call_problem(call: Any, tool_names: set[str]) -> str:
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping) or not isinstance(call.get("id"), str) or call.get("type") != "function":
        return 'a tool call must be {"id": ..., "type": "function", "function": {...}}'
    if str(function.get("name")) not in tool_names:
        return "it calls a function that is not among the example's tools"
    try:
        # OpenAI has arguments as JSON inside of a text; an object there is a common mistake of exporters.
        parse_json(function.get("arguments", ""))
    except (TypeError, ValueError):
        return "the arguments of a tool call must be JSON in a text"
    return ""
