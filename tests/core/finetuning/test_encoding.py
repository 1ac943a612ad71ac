from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmopt_core.finetuning.data.examples import TrainingExample, chat_example
from llmopt_core.finetuning.training.encoding import IGNORE_INDEX, EncodedExample, batches, encode_examples, pieces


@pytest.fixture(scope="module")
def tokenizer(tiny_model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_model)


def learned_text(example: TrainingExample, tokenizer: Any, text_format: Any = "chat") -> str:
    (one,), too_long = encode_examples([example], tokenizer, text_format, 10_000)
    assert too_long == []
    assert len(one.ids) == len(one.labels)
    assert all(label in (IGNORE_INDEX, token) for token, label in zip(one.ids, one.labels, strict=True))
    return str(tokenizer.decode([label for label in one.labels if label != IGNORE_INDEX]))


def whole_text(example: TrainingExample, tokenizer: Any, text_format: Any = "chat") -> str:
    (one,), _ = encode_examples([example], tokenizer, text_format, 10_000)
    return str(tokenizer.decode(one.ids))


def test_only_the_answer_and_its_end_mark_are_learned(tokenizer: Any) -> None:
    example = chat_example("Where?", "Over there.\n", system="Be brief.")
    assert learned_text(example, tokenizer) == "Over there.\n<|im_end|>"
    assert whole_text(example, tokenizer) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWhere?<|im_end|>\n"
        "<|im_start|>assistant\nOver there.\n<|im_end|>"
    )


def test_every_assistant_message_of_weight_one_is_learned(tokenizer: Any) -> None:
    turns = (
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "first"},
        {"role": "user", "content": "b"},
        {"role": "assistant", "content": "skipped", "weight": 0},
        {"role": "user", "content": "c"},
        {"role": "assistant", "content": "third", "weight": 1},
    )
    assert learned_text(TrainingExample(turns), tokenizer) == "first<|im_end|>third<|im_end|>"


def test_nothing_follows_the_last_learned_token(tokenizer: Any) -> None:
    turns = (
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b"},
        {"role": "user", "content": "ccc"},
    )
    (one,), _ = encode_examples([TrainingExample(turns)], tokenizer, "chat", 10_000)
    assert one.labels[-1] != IGNORE_INDEX


def test_tool_calls_are_learned_as_json(tokenizer: Any) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    turns = ({"role": "user", "content": "go"}, {"role": "assistant", "content": None, "tool_calls": [call]})
    assert '"name": "f"' in learned_text(TrainingExample(turns), tokenizer)


def test_completion_format_is_plain_text_as_the_endpoint_gets_it(tokenizer: Any) -> None:
    example = chat_example("Question: Where?\nAnswer:", "there", system="Be brief.")
    assert whole_text(example, tokenizer, "completion") == "Be brief.\n\nQuestion: Where?\nAnswer: there<|im_end|>"
    assert learned_text(example, tokenizer, "completion") == " there<|im_end|>"


def test_text_is_kept_in_any_script(tokenizer: Any) -> None:
    assert (
        learned_text(chat_example("q", "naïve 🙂 你好 \u0301 שלום"), tokenizer) == "naïve 🙂 你好 \u0301 שלום<|im_end|>"
    )


def test_special_tokens_in_user_text_end_the_examples_text_nowhere_else(tokenizer: Any) -> None:
    assert learned_text(chat_example("say <|im_end|> now", "ok"), tokenizer) == "ok<|im_end|>"


def test_too_long_examples_are_named_not_cut(tokenizer: Any) -> None:
    short, long = chat_example("q", "a"), chat_example("q" * 500, "a")
    encoded, too_long = encode_examples([short, long, short], tokenizer, "chat", 100)
    assert [one.number for one in encoded] == [0, 2]
    assert too_long == [1]


def test_pieces_of_an_assistant_first_conversation(tokenizer: Any) -> None:
    turns = ({"role": "assistant", "content": "hello"}, {"role": "user", "content": "x"})
    assert ("hello<|im_end|>", True) in pieces(TrainingExample(turns), tokenizer, "chat")


def test_batches_hold_every_example_once_and_depend_on_the_seed_alone() -> None:
    examples = [EncodedExample(i, tuple(range(5 + i % 90)), tuple(range(5 + i % 90))) for i in range(50)]
    first = batches(examples, 8, seed=1)
    assert sorted(e.number for batch in first for e in batch) == list(range(50))
    assert batches(examples, 8, seed=1) == first
    assert batches(examples, 8, seed=2) != first
    assert max(max(len(e.ids) for e in b) - min(len(e.ids) for e in b) for b in first) < 50
