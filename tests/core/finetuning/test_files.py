from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.errors import BadInput, StorageError
from llmopt_core.finetuning.data.examples import TrainingExample, TrainingSet, chat_example, preference_example
from llmopt_core.finetuning.data.files import load_training_set
from llmopt_core.finetuning.data.lint import check_file
from llmopt_core.finetuning.data.secret_hints import secret_kinds
from llmopt_core.text.drafts import replace_file


def test_chat_files_round_trip(tmp_path: Path) -> None:
    tools = ({"type": "function", "function": {"name": "f"}},)
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    training_set = TrainingSet(
        "made",
        (
            chat_example("Où ?", "Là, “ici” 🙂", system="Sois bref."),
            TrainingExample(
                ({"role": "user", "content": "go"}, {"role": "assistant", "content": "x", "weight": 0},
                 {"role": "user", "content": "on"}, {"role": "assistant", "tool_calls": [call]}),
                tools=tools, parallel_tool_calls=False,
            ),
        ),
    )  # fmt: skip
    read = load_training_set(training_set.to_jsonl(), "made.jsonl")
    assert read.name == "made"
    assert [e.to_openai() for e in read.examples] == [e.to_openai() for e in training_set.examples]
    assert read.version == training_set.version


def test_preference_files_round_trip() -> None:
    training_set = TrainingSet("p", (preference_example("Q?", "good", "bad", system="s"),))
    read = load_training_set(training_set.to_jsonl(), "p.jsonl")
    assert (read.kind, read.examples[0].answer, read.examples[0].question) == ("preference", "good", "Q?")
    assert read.version == training_set.version


def test_version_depends_on_content_not_on_origin() -> None:
    one = TrainingSet("a", (chat_example("q", "a", source="here", score=1.0),))
    other = TrainingSet("b", (chat_example("q", "a", source="there"),))
    assert one.version == other.version
    assert one.version != TrainingSet("a", (chat_example("q", "b"),)).version


def test_labels_and_groups_of_a_csv_are_no_unknown_keys() -> None:
    report = check_file(b"question,answer,category,document\nq,a,c,d\n", "rows.csv")
    assert report.findings == {"fewer_than_10_examples": 1, "missing_system_message": 1}


def test_csv_with_usual_columns() -> None:
    read = load_training_set(
        b'Question,Answer,system,category\n"Line one\nline two",A1,Be kind,x\nq2,a2,,y\n', "rows.csv"
    )
    first, second = read.examples
    assert [m["role"] for m in first.messages] == ["system", "user", "assistant"]
    assert (first.question, first.answer, first.label) == ("Line one\nline two", "A1", "x")
    assert [m["role"] for m in second.messages] == ["user", "assistant"]
    assert second.source == "rows.csv line 4"


def test_texts_and_their_classes_need_no_answer_column() -> None:
    read = load_training_set(b"\xef\xbb\xbftext,category\r\nhi,greeting\r\n\r\nbye,parting\r\n", "banking.csv")
    matches = [(e.question, e.answer, e.label) for e in read.examples]
    assert matches == [("hi", "greeting", "greeting"), ("bye", "parting", "parting")]


@pytest.mark.parametrize("sign", [";", "\t"])
def test_csv_parted_by_other_signs(sign: str) -> None:
    read = load_training_set(f"question{sign}answer\nq, with a comma{sign}a\n".encode(), "rows.csv")
    assert [(e.question, e.answer) for e in read.examples] == [("q, with a comma", "a")]


def test_csv_with_named_columns_and_preference_columns() -> None:
    classes = load_training_set(b"text,category\nhi,greeting\n", "c.csv", columns={"answer": "category"})
    result = classes.examples[0]
    assert (result.question, result.answer, result.label) == ("hi", "greeting", "greeting")
    pairs = load_training_set(b"prompt\tchosen\trejected\nq\tg\tb\n", "c.tsv")
    assert (pairs.kind, pairs.examples[0].answer) == ("preference", "g")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"question,category\nhi,x\n", "expected the columns question and answer"),
        (b"question,answer\nq\n", "line 2: expected 2 columns, found 1"),
        (b"question,answer\nq,\n", "line 2"),
        (b'question,answer\n"q,a\n', "CSV"),
    ],
)
def test_broken_csv_names_what_is_wrong(content: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=r"bad\.csv") as error:
        load_training_set(content, "bad.csv")
    assert words in str(error.value)


def test_unknown_column_lists_those_there_are() -> None:
    with pytest.raises(BadInput, match="it has text, kind"):
        load_training_set(b"text,kind\nx,y\n", "c.csv", columns={"answer": "category"})


def test_csv_is_checked_like_any_other_file() -> None:
    report = check_file(b"question,answer\nq1,a1\nq2\nq3,a3\n", "c.csv")
    assert (report.examples, report.errors) == (3, {"invalid_row": 1})
    assert [(p.line, p.message) for p in report.lines if p.is_error] == [(3, "expected 2 columns, found 1")]


def test_loading_names_the_first_bad_line() -> None:
    content = b'{"messages": [{"role": "assistant", "content": "x"}]}\n\n{"messages": []}\n'
    with pytest.raises(BadInput, match=r"up.jsonl, line 3: expected"):
        load_training_set(content, "up.jsonl")


def test_an_empty_conversation_is_called_empty() -> None:
    with pytest.raises(BadInput, match=r"line 1: .* found an empty list"):
        load_training_set(b'{"messages": []}\n', "x.jsonl")


def test_conversations_and_pairs_do_not_mix() -> None:
    mixed = TrainingSet("m", (chat_example("q", "a"), preference_example("q", "g", "b")))
    with pytest.raises(BadInput, match="in one file"):
        load_training_set(mixed.to_jsonl(), "m.jsonl")


def test_files_too_large_to_train_on_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.truncate(1_000_000_000)
    with pytest.raises(BadInput, match="1,000 MB are too much"):
        load_training_set(path)


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.json"
    replace_file(path, b"old")

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["state.json"]


def test_a_list_after_blank_lines_is_read_with_its_lines(tmp_path: Path) -> None:
    one = '{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}'
    read = load_training_set(f"\n  \n[\n{one},\n{one}]".encode(), "list.json")
    assert [e.answer for e in read.examples] == ["a", "a"]
    with pytest.raises(BadInput, match="line 5: the list is not valid JSON"):
        load_training_set(f"\n  \n[\n{one},\n{{]".encode(), "list.json")


@pytest.mark.parametrize("before", ["", "Bearer ", "session-", "token="])
def test_tokens_are_seen_wherever_they_stand(before: str) -> None:
    token = f"{before}eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4"
    assert secret_kinds([{"role": "user", "content": f"Use {token} now."}]) == ["a token"]
    assert secret_kinds([{"role": "user", "content": "eyJhbGciOiJIUzI1NiJ9 and a.eyJ.b"}]) == []
