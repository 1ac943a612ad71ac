"""Few-shot sets as files."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmopt_core.errors import BadInput
from llmopt_core.prompts.few_shot_files import read_few_shot, write_few_shot

EXAMPLES = [
    {"question": 'Wer?\n"Bob", sagt er', "answer": "Bob, {{ x }}", "context": "C"},
    {"question": "谁？", "answer": "鲍勃", "context": ""},
]


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_what_is_written_is_read(form):
    assert read_few_shot(write_few_shot(EXAMPLES, form), f"set.{form}") == EXAMPLES
    assert read_few_shot(write_few_shot(EXAMPLES, form).encode("utf-8-sig"), f"set.{form}") == EXAMPLES


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20)


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"question": texts, "answer": texts}), max_size=4))
def test_any_text_survives(examples):
    survivors = [e for e in examples if e["question"].strip() or e["answer"].strip()]
    for form in ("csv", "jsonl", "openai"):
        assert read_few_shot(write_few_shot(survivors, form), f"set.{form}") == survivors


def test_openais_form_keeps_question_and_answer():
    text = write_few_shot(EXAMPLES, "openai", system="Be brief.")
    first = json.loads(text.splitlines()[0])["messages"]
    assert [m["role"] for m in first] == ["system", "user", "assistant"]
    assert read_few_shot(text, "set.jsonl") == [{k: e[k] for k in ("question", "answer")} for e in EXAMPLES]


def test_other_names_for_question_and_answer():
    assert read_few_shot("input,output,topic\na,b,c\n", "x.csv") == [{"question": "a", "answer": "b", "topic": "c"}]
    assert read_few_shot('{"prompt": "a", "completion": "b"}', "x.jsonl") == [{"question": "a", "answer": "b"}]
    assert read_few_shot("question,input,answer\na,b,c\n", "x.csv")[0]["input"] == "b"
    assert read_few_shot("q\tanswer\na\tb\n", "x.tsv") == [{"q": "a", "answer": "b"}]


def test_values_that_are_no_text_become_text():
    assert read_few_shot('{"answer": 4, "question": null, "tags": ["a"]}', "x.jsonl") == [
        {"answer": "4", "question": "", "tags": '["a"]'}
    ]


def test_empty_files_have_no_examples():
    assert read_few_shot("", "x.jsonl") == []
    assert read_few_shot("question,answer\n\n", "x.csv") == []


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        ("question\na\n", "x.csv", "x.csv line 1: there is no `answer`; found: question"),
        ("", "x.csv", "found: nothing"),
        ("question,answer\na,b\nc\n", "x.csv", "x.csv line 3: 1 cells for 2 columns"),
        ("answer,answer\na,b\n", "x.csv", "`answer` is there twice"),
        ('question,answer\n"a,b\n', "x.csv", "not readable as CSV"),
        ('{"answer": "a"}\n{"answer"', "x.jsonl", "x.jsonl line 2: not JSON"),
        ("[1]", "x.jsonl", "expected an object in braces, found int"),
        ('{"question": "a"}', "x.jsonl", "line 1: there is no `answer`"),
        ('{"messages": [{"role": "user"}]}', "x.jsonl", "needs a `role` and a `content`"),
        ('{"messages": "hi"}', "x.jsonl", "needs a `role`"),
        ('{"messages": [{"role": "user", "content": "a"}]}', "x.jsonl", "one user message and one assistant"),
        (
            '{"messages": [{"role": "user", "content": []}, {"role": "assistant", "content": "a"}]}',
            "x.jsonl",
            "both text",
        ),
        (b"\xff\xfe\x00", "x.csv", "not UTF-8"),
        ("[" * 100_000, "x.jsonl", "not JSON"),
    ],
)
def test_broken_files_name_the_line(data, name, reason):
    with pytest.raises(BadInput, match=reason):
        read_few_shot(data, name)


def test_an_example_without_question_cannot_become_a_chat():
    with pytest.raises(BadInput, match="example 1 has no question"):
        write_few_shot([{"answer": "a"}], "openai")


SYSTEM = '{"role": "system", "content": "Be brief."}'
ASKED = '{"role": "user", "content": "Translate.\\n\\nKatze"}'
PARTS = '{"role": "user", "content": [{"type": "text", "text": "Translate.\\n"}, {"type": "text", "text": "Katze"}]}'
SAID, BAD = '{"role": "assistant", "content": "cat"}', '{"role": "assistant", "content": "dog"}'
MULTI_TURN = (
    '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"},'
    ' {"from": "human", "value": "c"}, {"from": "gpt", "value": "d"}]}'
)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ('{"instruction": "Translate.", "input": "Katze", "output": "cat"}', "a.jsonl"),
        ('[{"instruction": "Translate.", "input": "Katze", "output": "cat"}]', "a.json"),
        ('{"conversations": [{"from": "human", "value": "Translate.\\n\\nKatze"},'
         ' {"from": "gpt", "value": "cat"}]}', "a.jsonl"),
        ('[{"role": "user", "content": "Translate.\\n\\nKatze"}, {"role": "assistant", "content": "cat"}]', "a.jsonl"),
        ("instruction,input,output\nTranslate.,Katze,cat\n", "a.csv"),
        (f'{{"prompt": [{ASKED}], "completion": [{SAID}]}}', "a.jsonl"),
        (f'{{"prompt": [{SYSTEM}, {ASKED}], "completion": "cat"}}', "a.jsonl"),
        (f'{{"prompt": [{ASKED}], "chosen": [{SAID}], "rejected": [{BAD}]}}', "a.jsonl"),
        (f'{{"chosen": [{ASKED}, {SAID}], "rejected": [{ASKED}, {BAD}]}}', "a.jsonl"),
        ('{"prompt": "Translate.\\n\\nKatze", "chosen": "cat", "rejected": "dog"}', "a.jsonl"),
        (f'{{"messages": [{SYSTEM}, {PARTS}, {SAID}]}}', "a.jsonl"),
        (f'[{{"prompt": [{ASKED}], "completion": [{SAID}]}}]', "a.json"),
        ('{"instruction": "Translate.", "context": "Katze", "response": "cat"}', "a.jsonl"),
        ('{"Question": "Translate.\\n\\nKatze", "Answer": "cat"}', "a.jsonl"),
        ('Question,Answer\n"Translate.\n\nKatze",cat\n', "a.csv"),
        (f'{{"prompt": "p", "chosen": [{ASKED}, {SAID}], "rejected": [{ASKED}, {BAD}], "messages": [{ASKED}, {SAID}]}}'
         .replace('"p"', '"Translate.\\n\\nKatze"'), "a.jsonl"),
    ],
)  # fmt: skip
def test_well_known_forms_of_training_data_are_read(data, name):
    assert read_few_shot(data, name) == [{"question": "Translate.\n\nKatze", "answer": "cat"}]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ('{"text": "a"}', "plain text"),
        ('{"prompt": "a", "completion": "b", "label": true}', "one answer with a verdict"),
        (MULTI_TURN, "a.jsonl line 1: a conversation of 2 questions.* Keep the turn"),
        (
            '{"prompt": [{"role": "user", "content": "a"}], "completion": [{"role": "tool", "content": "b"}]}',
            "one user message.*Found the roles user, tool",
        ),
    ],
)
def test_forms_that_are_no_examples_are_named(data, reason):
    with pytest.raises(BadInput, match=reason):
        read_few_shot(data, "a.jsonl")


def test_columns_beside_messages_are_kept():
    line = f'{{"prompt": [{ASKED}], "completion": [{SAID}], "topic": "pets", "system": "Be brief."}}'
    assert read_few_shot(line, "a.jsonl") == [{"question": "Translate.\n\nKatze", "answer": "cat", "topic": "pets"}]
