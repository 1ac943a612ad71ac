from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, chat_example
from llmopt_core.finetuning.data.files import load_training_set
from llmopt_core.finetuning.data.lint import CheckSettings, check_file, check_set
from llmopt_core.finetuning.data.lint_report import CheckReport
from llmopt_core.finetuning.data.tokens import billing_counter, default_epochs
from llmopt_core.types import EvaluationSet, Example, Span

TOY = Path(__file__).parents[2] / "data" / "finetuning" / "toy_chat_fine_tuning.jsonl"
TOPICS = (
    "tides",
    "volcanoes",
    "bridges",
    "violins",
    "bread",
    "glass",
    "moss",
    "kites",
    "clocks",
    "salt",
    "owls",
    "ink",
)


def chat(question: str = "Why is the sky blue?", answer: str = "Rayleigh scattering.", **more: Any) -> dict[str, Any]:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": answer},
    ]
    return {"messages": messages, **more}


def good(count: int = 12) -> list[dict[str, Any]]:
    return [
        chat(f"Tell me about {TOPICS[i % 12]}, part {i}", f"{TOPICS[i % 12]} indeed {i * 7919}") for i in range(count)
    ]


def jsonl(values: Iterable[Any]) -> bytes:
    return "".join(json.dumps(value) + "\n" for value in values).encode()


def check(values: Iterable[Any], **settings: Any) -> CheckReport:
    return check_file(jsonl(values), "train.jsonl", CheckSettings(**settings))


def test_the_cookbook_toy_file_gives_the_notebooks_numbers() -> None:
    report = check_file(TOY)
    assert report.examples == 5
    assert report.errors == {}
    assert report.findings == {
        "fewer_than_10_examples": 1,
        "missing_system_message": 1,
        "missing_user_message": 1,
        "over_token_limit": 1,
    }
    assert (report.billing_tokens, report.epochs, report.training_tokens) == (4306, 20, 86120)
    assert report.longest == 8032
    assert {(p.line, p.kind) for p in report.lines} == {
        (0, "fewer_than_10_examples"),
        (3, "missing_system_message"),
        (4, "missing_user_message"),
        (5, "over_token_limit"),
    }


def test_report_as_json_has_the_documented_keys() -> None:
    value = check_file(TOY).to_json()
    assert {"examples", "errors", "findings", "billing_tokens", "epochs", "lines"} <= value.keys()
    assert all({"line", "kind", "message"} == line.keys() for line in value["lines"])
    json.dumps(value)


def test_good_file_has_nothing_to_complain_about() -> None:
    report = check(good())
    assert (report.errors, report.findings, report.lines) == ({}, {}, ())
    assert sum(count for _, count in report.histogram) == 12


def message(**fields: Any) -> dict[str, Any]:
    example = chat()
    example["messages"].insert(1, fields)
    return example


@pytest.mark.parametrize(
    ("broken", "kinds"),
    [
        ([], {"data_type"}),
        ("text", {"data_type"}),
        (None, {"data_type"}),
        ({}, {"missing_messages_list"}),
        ({"messages": []}, {"missing_messages_list"}),
        ({"messages": "hello"}, {"missing_messages_list"}),
        (message(role="user"), {"message_missing_key", "missing_content"}),
        (message(content="x"), {"message_missing_key", "unrecognized_role"}),
        (message(role="user", content="x", colour="red"), {"message_unrecognized_key"}),
        (message(role="wizard", content="x"), {"unrecognized_role"}),
        (message(role="user", content=""), {"missing_content"}),
        (message(role="user", content=7), {"missing_content"}),
        (message(role="user", content=None), {"missing_content"}),
        ({"messages": [{"role": "user", "content": "x"}]}, {"example_missing_assistant_message"}),
        ({"messages": ["x", {"role": "assistant", "content": "y"}]}, {"data_type"}),
        (message(role="user", content="x", weight=1), {"invalid_weight"}),
        (message(role="assistant", content="x", weight=0.5), {"invalid_weight"}),
        ({"messages": [{"role": "assistant", "content": "x", "weight": 0}]}, {"nothing_to_learn"}),
    ],
)
def test_each_format_rule_is_reported_with_its_line(broken: Any, kinds: set[str]) -> None:
    report = check([*good(), broken])
    assert report.errors == dict.fromkeys(kinds, 1)
    assert {(p.line, p.kind) for p in report.lines if p.is_error} == {(13, kind) for kind in kinds}


def test_conversations_with_errors_count_as_in_the_notebook() -> None:
    report = check([*good(), {"messages": [{"role": "wizard", "content": "Open sesame"}]}, {"messages": ["x"]}, 7])
    # 3 for the chat, 3 for the message, 1 for "wizard" and 2 for "Open sesame".
    assert report.billing_tokens == check(good()).billing_tokens + 9
    assert report.findings == {"missing_system_message": 1, "missing_user_message": 1}


def test_what_is_remembered_is_bounded_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt_core.finetuning.data.lint.REPEATS_LIMIT", 10)
    monkeypatch.setattr("llmopt_core.finetuning.data.lint.NEAR_CHARACTERS", 200)
    report = check([*good(12), *good(12)])
    assert report.findings["duplicate"] == 10
    values = {p.kind: p.message for p in report.lines if p.line == 0}
    assert values["repetitions_not_all_searched"] == "compared with 10 different examples only"
    assert "searched in the first" in values["near_duplicates_not_all_searched"]


def test_broken_json_is_an_error_of_its_line() -> None:
    content = jsonl(good()) + b'{"messages": [\n\n' + jsonl(good(1))
    report = check_file(content, "train.jsonl")
    assert report.errors == {"invalid_json": 1}
    assert report.lines[0].line == 13
    assert "character" in report.lines[0].message


TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def tool_chat(call: Any = CALL, tools: Any = TOOLS, answer_id: str = "c1") -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "You have tools."},
            {"role": "user", "content": "Weather in Oslo?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": answer_id, "content": "rain"},
            {"role": "assistant", "content": "It rains."},
        ],
        "tools": tools,
    }


def test_tool_calls_are_good_examples() -> None:
    assert check([*good(), tool_chat()]).ok


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        (tool_chat(call={**CALL, "id": 5}), "invalid_tool_call"),
        (tool_chat(call="weather()"), "invalid_tool_call"),
        (tool_chat(call={**CALL, "function": {"name": "weather", "arguments": "{"}}), "invalid_tool_call"),
        (tool_chat(call={**CALL, "function": {"name": "rockets", "arguments": "{}"}}), "invalid_tool_call"),
        (tool_chat(answer_id="c2"), "invalid_tool_call"),
        (tool_chat(tools=[{"name": "weather"}]), "invalid_tools"),
        (tool_chat(tools="weather"), "invalid_tools"),
    ],
)
def test_broken_tool_use_is_an_error(broken: Any, kind: str) -> None:
    assert kind in check([*good(), broken]).errors


def pair(better: Any = "No.", worse: Any = "Nope!", question: str = "Is it?") -> dict[str, Any]:
    return {
        "input": {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": better}],
        "non_preferred_output": [{"role": "assistant", "content": worse}],
    }


def pairs() -> list[dict[str, Any]]:
    return [pair(f"{TOPICS[i]} yes", f"{TOPICS[i]} no", f"Is {TOPICS[i]} wet?") for i in range(11)]


def test_preference_pairs_are_recognised() -> None:
    report = check(pairs())
    assert (report.kind, report.errors, report.findings) == ("preference", {}, {})


@pytest.mark.parametrize(
    ("broken", "kind"),
    [
        ({**pair(), "preferred_output": []}, "missing_preferred_output"),
        ({"input": pair()["input"], "preferred_output": pair()["preferred_output"]}, "missing_non_preferred_output"),
        ({**pair(), "input": "hello"}, "missing_input_messages"),
        ({**pair(), "preferred_output": [{"role": "user", "content": "x"}]}, "output_not_one_assistant_message"),
        ({**pair(), "preferred_output": pair()["preferred_output"] * 2}, "output_not_one_assistant_message"),
        (pair(better=""), "missing_content"),
        (chat(), "mixed_kinds"),
    ],
)
def test_broken_preference_pairs_are_errors(broken: Any, kind: str) -> None:
    report = check([*pairs(), broken])
    assert report.errors == {kind: 1}
    assert report.lines[0].line == 12


def test_equal_outputs_are_only_a_finding() -> None:
    report = check([*pairs(), pair("same", "same")])
    assert report.ok
    assert report.findings == {"identical_outputs": 1}


def test_repetitions_and_contradictions_are_found() -> None:
    values = [
        *good(),
        chat("Tell me about tides, part 0", "tides indeed 0"),
        chat("TELL me about  tides, part 0", "something else"),
        chat("What is the height of the Eiffel tower in Paris?", "About 330 metres to the very tip."),
        chat("What is the height of the Eiffel Tower in Paris??", "About 330 metres to the very tip!"),
    ]
    report = check(values)
    assert report.findings == {"duplicate": 1, "conflicting_answer": 1, "near_duplicate": 1}
    assert {p.line: p.kind for p in report.lines} == {
        13: "duplicate", 14: "conflicting_answer", 16: "near_duplicate",
    }  # fmt: skip


def test_different_questions_about_one_long_passage_are_not_near_duplicates() -> None:
    passage = "The river rises in the northern hills and runs past the old mill to the sea. " * 12
    values = [
        chat(f"{passage}\n\nWho built the mill?", "a monk"),
        chat(f"{passage}\n\nWhere does the river end, and what is found there today?", "in the sea"),
    ]
    assert "near_duplicate" not in check([*good(), *values]).findings


EVALUATION = EvaluationSet(
    "handbook",
    (
        Example("q1", "How many days of leave does a new colleague get in the first year?"),
        Example("q2", "什么时候可以申请报销差旅费用", references=(Span("travel.txt", 0, 5),)),
        Example(
            "q3", "Which form?", reference="Fill in form B12 and hand it to the front desk before the end of the month"
        ),
    ),
)


@pytest.mark.parametrize(
    ("example", "kind"),
    [
        (chat("how many days of leave does a NEW colleague get in the first year"), "leakage_exact"),
        (
            chat("Context: x\n\nQuestion: How many days of leave does a new colleague get in the first year?"),
            "leakage_exact",
        ),
        (chat("How many days of leave does a new colleague get in the second year?"), "leakage_near"),
        (chat("请问，什么时候可以申请报销差旅费用？"), "leakage_exact"),
        (chat("x", "Fill in form B12 and hand it to the front desk before the end of the month."), "leakage_exact"),
        (chat("Something else", "entirely", group="travel.txt"), "leakage_document"),
    ],
)
def test_leakage_against_an_evaluation_set_is_found(example: dict[str, Any], kind: str) -> None:
    report = check([*good(), example], evaluation_sets=(EVALUATION,))
    assert report.findings.get(kind) == 1
    assert "handbook" in next(p.message for p in report.lines if p.kind == kind)


def test_unrelated_examples_do_not_leak() -> None:
    assert not any("leak" in kind for kind in check(good(), evaluation_sets=(EVALUATION,)).findings)


def test_price_counts_all_epochs() -> None:
    report = check(good(), price_per_million=25.0)
    assert report.cost_usd == pytest.approx(25.0 * report.epochs * report.billing_tokens / 1e6)


@pytest.mark.parametrize(
    ("examples", "epochs"),
    [(1, 25), (5, 20), (33, 3), (34, 3), (100, 3), (8_333, 3), (8_334, 2), (20_000, 1), (99_999, 1)],
)
def test_default_epochs_follow_the_notebook(examples: int, epochs: int) -> None:
    assert default_epochs(examples) == epochs


def test_secrets_are_found_but_never_shown() -> None:
    secret = "sk-proj-" + "a1B2" * 8
    report = check([*good(), chat(f"My key is {secret}, why?")])
    assert report.findings == {"possible_secret": 1}
    assert secret not in json.dumps(report.to_json())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n \n", "empty"),
        ("{}\n".encode("utf-16"), "UTF-16"),
        (b'{"messages": 1}\n{"x": "caf\xe9"}\n', "line 2"),
        (b"\x00\x01\x02", "binary"),
        (b"PK\x03\x04zip", "zip"),
        (b"[\n{},\n{,\n]", "line 3: the list is not valid JSON"),
        (b"[\n{}\n", "not valid JSON"),
    ],
)
def test_unreadable_files_are_refused_with_a_clear_sentence(content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=r"train\.jsonl") as error:
        check_file(content, "train.jsonl")
    assert words in str(error.value)


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no such file"):
        check_file(tmp_path / "nowhere.jsonl")


def test_one_endless_line_is_refused_without_reading_it_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("llmopt_core.finetuning.data.text_lines.MAX_LINE_BYTES", 1_000)
    path = tmp_path / "long.jsonl"
    path.write_bytes(b'{"messages": "' + b"x" * 5_000)
    with pytest.raises(BadInput, match="line 1"):
        check_file(path)


def test_byte_order_mark_is_no_problem() -> None:
    assert check_file(b"\xef\xbb\xbf" + jsonl(good()), "train.jsonl").ok


def test_huge_files_are_streamed_and_the_list_of_lines_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "many.jsonl"
    path.write_bytes(jsonl({"messages": []} for _ in range(3_000)))
    calls: list[tuple[int, int]] = []
    report = check_file(path, on_progress=lambda examples, read: calls.append((examples, read)))
    assert report.errors == {"missing_messages_list": 3_000}
    assert (len(report.lines), report.lines_left_off) == (1_000, 2_000)
    assert [examples for examples, _ in calls] == list(range(3_000))
    assert calls[-1][1] == path.stat().st_size


def test_what_is_everywhere_does_not_hide_what_is_rare() -> None:
    messages = [chat_example(f"{i} {t} {i * 37}?", f"{t} {i * 53}") for i in range(250) for t in TOPICS[:6]]
    messages.append(chat_example(messages[0].question, "something else altogether"))
    report = check_file(jsonl([*(e.to_openai() for e in messages), {"messages": []}]), "train.jsonl")
    assert report.findings["missing_system_message"] == 1_501
    assert [p.line for p in report.lines if p.is_error] == [1_502]
    kinds = [p.kind for p in report.telling_lines]
    assert kinds[0] == "missing_messages_list"
    assert kinds.index("conflicting_answer") < kinds.index("missing_system_message")
    assert kinds[-1] == "missing_system_message"
    assert kinds.count("missing_system_message") == 1_000


def test_sets_in_memory_are_checked_with_groups() -> None:
    training = TrainingSet("t", tuple(chat_example(f"q{i} {t}?", t, group="travel.txt") for i, t in enumerate(TOPICS)))
    report = check_set(training, CheckSettings((EVALUATION,)))
    assert report.findings["leakage_document"] == 12


def test_lone_surrogates_and_deep_nesting_do_not_break_the_check() -> None:
    content = (
        jsonl(good())
        + b'{"messages": [{"role": "user", "content": "\\ud800 x"}, {"role": "assistant", "content": "y"}]}\n'
    )
    content += b"[" * 100_000 + b"\n"
    report = check_file(content, "train.jsonl")
    assert report.errors == {"invalid_json": 1}


def first_of(*values: Any, name: str = "train.jsonl") -> TrainingExample:
    return load_training_set(jsonl(values), name).examples[0]


FORMS: dict[str, Any] = {
    "Alpaca": {"instruction": "Translate.", "input": "Katze", "output": "cat", "system": "Be brief."},
    "ShareGPT": {
        "conversations": [
            {"from": "system", "value": "Be brief."},
            {"from": "human", "value": "Translate.\n\nKatze"},
            {"from": "gpt", "value": "cat"},
        ]
    },
    "prompt and completion": {"prompt": "Translate.\n\nKatze", "completion": "cat", "system": "Be brief."},
    "bare list": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Translate.\n\nKatze"},
        {"role": "assistant", "content": "cat"},
    ],
    "apart": {
        "system": [{"text": "Be brief."}],
        "messages": [
            {"role": "user", "content": [{"text": "Translate.\n\nKatze"}]},
            {"role": "assistant", "content": "cat"},
        ],
    },
    "Gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Translate.\n\nKatze"}]},
            {"role": "model", "parts": [{"text": "cat"}]},
        ],
    },
    "Alpaca (": {"instruction": "Translate.", "context": "Katze", "response": "cat", "system": "Be brief."},
    "(instruction, input": {"Instruction": "Translate.", "Input": "Katze", "Output": "cat", "System": "Be brief."},
    "prompt and": {"inputs": "Translate.\n\nKatze", "targets": "cat", "system": "Be brief."},
    "other names of roles": {
        "messages": [
            {"role": "System", "content": "Be brief."},
            {"role": "User", "content": "Translate.\n\nKatze"},
            {"role": "Chatbot", "content": "cat"},
        ]
    },
    "ShareGPT (": {
        "dialogue": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Translate.\n\nKatze"},
            {"role": "assistant", "content": "cat"},
        ]
    },
}


@pytest.mark.parametrize("form", FORMS)
def test_well_known_other_forms_are_read_as_conversations_and_named(form: str) -> None:
    example = first_of(FORMS[form])
    assert [m["role"] for m in example.messages] == ["system", "user", "assistant"]
    assert [m["content"] for m in example.messages] == ["Be brief.", "Translate.\n\nKatze", "cat"]
    report = check([FORMS[form]] * 12)
    assert report.errors == {}
    (line,) = [line for line in report.lines if line.kind == "converted_form"]
    assert form in line.message
    assert "12 examples" in line.message


PAIRS: dict[str, Any] = {
    "texts": {"prompt": "Why?", "chosen": "Because.", "rejected": "No."},
    "lists": {
        "chosen": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}],
        "rejected": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "No."}],
    },
    "spoken": {"chosen": "\n\nHuman: Why?\n\nAssistant: Because.", "rejected": "\n\nHuman: Why?\n\nAssistant: No."},
}


@pytest.mark.parametrize("form", PAIRS)
def test_flat_preference_pairs_are_pairs(form: str) -> None:
    example = first_of(PAIRS[form])
    assert (example.question, example.preferred, example.rejected) == (
        "Why?",
        ({"role": "assistant", "content": "Because."},),
        ({"role": "assistant", "content": "No."},),
    )
    assert check([PAIRS[form]] * 12).kind == "preference"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"prompt": "a", "completion": "b", "label": True}, "KTO"),
        ({"text": "Once upon a time"}, "no conversation"),
        ({"chosen": "a", "rejected": "b"}, "expected `prompt`"),
        ({"conversations": [{"from": "function_call", "value": "{}"}]}, "calls of tools"),
        ({"contents": [{"role": "user", "parts": [{"fileData": {}}]}]}, "only parts of text"),
    ],
)
def test_a_form_that_cannot_be_converted_is_named(value: Any, reason: str) -> None:
    report = check([value])
    assert report.errors["unsupported_form"] == 1
    assert reason in report.lines[0].message or reason in next(p.message for p in report.lines if p.line == 1)
    with pytest.raises(BadInput, match=r"line 1: of the form"):
        load_training_set(jsonl([value]), "train.jsonl")


def test_a_file_that_is_one_list_is_read_with_the_lines_of_its_items() -> None:
    text = json.dumps([*good(11), {"messages": []}], indent=1)
    report = check_file(text.encode(), "train.json")
    assert report.examples == 12
    (line,) = [line for line in report.lines if line.kind == "missing_messages_list"]
    assert '"messages": []' in "\n".join(text.splitlines()[line.line - 1 : line.line + 1])
    assert check_file(json.dumps(good(11)).encode(), "train.json").examples == 11


def test_an_alpaca_table_asks_instruction_and_input() -> None:
    table = b"instruction,input,output\nTranslate.,Katze,cat\nSay hi.,,hi\n"
    examples = load_training_set(table, "a.csv").examples
    assert [(e.question, e.answer) for e in examples] == [("Translate.\n\nKatze", "cat"), ("Say hi.", "hi")]


TOOL = {
    "type": "function",
    "function": {
        "name": "open_vent",
        "description": "Open a vent.",
        "parameters": {
            "type": "object",
            "properties": {
                "level": {"type": "integer", "description": "How far"},
                "side": {"type": "string", "enum": ["left", "right"]},
            },
        },
    },
}


def test_tools_are_counted_by_the_cookbooks_rule() -> None:
    plain, with_tools = check([chat()]), check([chat(tools=[TOOL])])
    counter = billing_counter()
    texts = ("open_vent:Open a vent", "level:integer:How far", "side:string:", "left", "right")
    # 7 for the function, 3 for its parameters and 3 for each, -3 for the enum and 3 for each choice, 12 at the end.
    expected = sum(map(counter.count, texts)) + 7 + 3 + 2 * 3 - 3 + 2 * 3 + 12
    assert with_tools.billing_tokens - plain.billing_tokens == expected


def picture(width: int, height: int) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height)).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize(
    ("image", "tokens"),
    [
        # The examples of OpenAI's page: 765 for 1024 x 1024 and 1105 for 2048 x 4096 in high detail, 85 in low.
        ({"url": picture(1024, 1024), "detail": "high"}, 765),
        ({"url": picture(2048, 4096), "detail": "high"}, 1105),
        ({"url": picture(4096, 8192), "detail": "low"}, 85),
        ({"url": picture(200, 100)}, 255),
        ({"url": "https://example.com/a.png"}, 765),
        ({"url": "data:image/png;base64,AAAA"}, 765),
    ],
)
def test_pictures_are_counted_by_their_size_and_not_by_their_bytes(image: dict[str, str], tokens: int) -> None:
    def asking(content: Any) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": content}, {"role": "assistant", "content": "A vent."}]}

    text = {"type": "text", "text": "What is it?"}
    without = check([asking("What is it?")])
    assert check([asking([text])]).billing_tokens == without.billing_tokens
    settings = {"token_limit": 10_000}
    with_picture = check([asking([text, {"type": "image_url", "image_url": image}])], **settings)
    assert with_picture.billing_tokens - without.billing_tokens == tokens


def test_a_tool_call_in_mid_conversation_needs_its_answer() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "open_vent", "arguments": "{}"}}
    asks, calls = {"role": "user", "content": "Open."}, {"role": "assistant", "content": None, "tool_calls": [call]}
    result, says = {"role": "tool", "tool_call_id": "a", "content": "ok"}, {"role": "assistant", "content": "Open now."}

    def errors(*messages: Any) -> dict[str, int]:
        return dict(check([{"messages": list(messages), "tools": [TOOL]}]).errors)

    assert errors(asks, calls, says) == {"unanswered_tool_call": 1}
    assert errors(asks, calls, asks, says) == {"unanswered_tool_call": 1}
    assert errors(asks, calls, result, says) == {}
    assert errors(asks, calls) == {}
