"""Training examples -> token ids, with the tokens to be learned marked."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import ChatMessage, TrainingExample, message_text

# The label that PyTorch's cross entropy leaves out by default.
IGNORE_INDEX = -100
# Examples of similar length go together, so that little of a batch is padding.
_BUCKET = 24


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """Token ids of one example; `labels` equals them where they are learned, else `IGNORE_INDEX`."""

    number: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learned_tokens(self) -> int:
        """How many tokens are learned; the first has nothing before it to be predicted from."""
        return sum(label != IGNORE_INDEX for label in self.labels[1:])


Piece = tuple[str, bool]


def encode_examples(
    examples: Sequence[TrainingExample], tokenizer: Any, text_format: Literal["chat", "completion"], max_tokens: int
) -> tuple[list[EncodedExample], list[int]]:
    """Encode examples; the second list has the positions of those that are too long."""
    encodings, too_long = [], []
    for number, example in enumerate(examples):
        one = encode_pieces(pieces(example, tokenizer, text_format), tokenizer, number)
        # What is cut off would teach the model to stop in the middle, so long examples are left out whole.
        if len(one.ids) <= max_tokens and one.learned_tokens:
            encodings.append(one)
        else:
            too_long.append(number)
    return encodings, too_long


def pieces(example: TrainingExample, tokenizer: Any, text_format: Literal["chat", "completion"]) -> list[Piece]:
    """The text of an example in pieces, each learned or not."""
    if text_format == "completion":
        return _completion_pieces(example, tokenizer)
    return _chat_pieces([_plain(message) for message in example.messages], tokenizer)


def _plain(message: ChatMessage) -> dict[str, Any]:
    # Local templates know neither of the two newer or older names.
    role = {"developer": "system", "function": "tool"}.get(message["role"], message["role"])
    # OpenAI's weight 0 marks an answer that is context only.
    is_learned = role == "assistant" and message.get("weight", 1) != 0
    return {"role": role, "content": message_text(message), "learned": is_learned}


def _chat_pieces(messages: Sequence[dict[str, Any]], tokenizer: Any) -> list[Piece]:
    """Pieces by the tokenizer's chat template: what each message adds to the text."""
    pieces: list[Piece] = []
    prefix = ""
    for at, message in enumerate(messages):
        text = _render(tokenizer, messages[: at + 1])
        if not text.startswith(prefix):
            raise BadInput("The model's chat template rewrites earlier messages, so it cannot be used for training.")
        # What was rendered so far must be the beginning, or nobody knows which tokens belong to which message.
        suffix = text[len(prefix) :]
        if message["learned"]:
            # Templates render nothing but messages, so there is no opening to ask for before the first.
            opening = _render(tokenizer, messages[:at], prompt=True)[len(prefix) :] if at else None
            pieces += _answer_pieces(suffix, opening, message)
        else:
            pieces.append((suffix, False))
        prefix = text
    return pieces


def _answer_pieces(addition: str, opening: str | None, message: dict[str, Any]) -> list[Piece]:
    """What a learned message adds: the opening the model is given, its answer and end mark, and white space."""
    if opening is None or not addition.startswith(opening):
        # The template has no opening of its own for this message: it begins where its content does.
        opening = addition[: max(0, addition.find(message["content"]))]
    answer = addition[len(opening) :]
    # The line break behind the end mark is the template's; a server stops at the mark and never generates it.
    target = answer.rstrip("\n")
    return [(opening, False), (target, True), (answer[len(target) :], False)]


def _render(tokenizer: Any, messages: Sequence[dict[str, Any]], prompt: bool = False) -> str:
    plain = [{"role": m["role"], "content": m["content"]} for m in messages]
    # Templates of other tools fail on keys they do not know.
    return str(tokenizer.apply_chat_template(plain, tokenize=False, add_generation_prompt=prompt))


def _completion_pieces(example: TrainingExample, tokenizer: Any) -> list[Piece]:
    """Plain text as `/v1/completions` gets it: the messages joined by blank lines, then the answer and the end mark."""
    prompt = "\n\n".join(message_text(message) for message in example.prompt).rstrip()
    # The blank goes with the answer, since tokenizers join it with the word that follows.
    return [(prompt, False), (f" {example.answer.strip()}{tokenizer.eos_token}", True)]


def encode_pieces(parts: Sequence[Piece], tokenizer: Any, number: int = 0) -> EncodedExample:
    """Token ids of pieces, each encoded alone, as a server encodes the prompt apart from what it generates."""
    ids: list[int] = []
    labels: list[int] = []
    for text, is_learned in parts:
        # No special tokens: the template has written them already, and a second beginning mark in the middle confuses.
        token_ids = list(tokenizer(text, add_special_tokens=False).input_ids) if text else []
        ids += token_ids
        labels += token_ids if is_learned else [IGNORE_INDEX] * len(token_ids)
    # Nothing is learned from what follows the last answer.
    while labels and labels[-1] == IGNORE_INDEX:
        ids.pop()
        labels.pop()
    return EncodedExample(number, tuple(ids), tuple(labels))


def batches(examples: Sequence[EncodedExample], batch_size: int, seed: int) -> list[list[EncodedExample]]:
    """One epoch: examples of similar length together, so that little is padded; the order of batches is random."""
    rng = random.Random(seed)
    order = rng.sample(list(examples), len(examples))
    # By a rough length only: sorted exactly, the same examples would share a batch in every epoch.
    order.sort(key=lambda example: len(example.ids) // _BUCKET)
    groups = [order[at : at + batch_size] for at in range(0, len(order), batch_size)]
    rng.shuffle(groups)
    return groups


def by_length(examples: Sequence[EncodedExample], batch_size: int) -> Iterator[list[EncodedExample]]:
    """Batches of similar length in a fixed order, for measuring."""
    order = sorted(examples, key=lambda example: len(example.ids))
    for at in range(0, len(order), batch_size):
        yield order[at : at + batch_size]
