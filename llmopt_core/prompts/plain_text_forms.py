"""Lines of plain texts under other names (problem and solution, text and label, a dialog …) -> question and answer.

Sources: the dataset cards of MATH, WMT, CNN/DailyMail, DailyDialog, UltraChat, Firefly, XTuner, SNLI, SST, SQuAD,
MMLU and ARC.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from string import ascii_uppercase
from typing import Any

from llmopt_core.errors import BadInput

_Test = Callable[[Mapping[str, Any]], bool]
_Reader = Callable[[Mapping[str, Any]], list[tuple[str, str]]]

TEXTS = "two texts under other names"
TEXT_AND_LABEL = "a text and its label"
TWO_TEXTS = "two texts and a label"
TALK = "a dialog of texts alone"
PAIRS = "a dialog of questions with their answers"
TWO = "a bare list of texts"
TRANSLATION = "translations by language"
PASSAGE = "a question about a passage (context, question, answers)"
CHOICES = "a question with choices"
SEVERAL = "several answers to one question"
EMBEDDING_PAIRS = "pairs for an embedding model"

# Question and answer by other names, the surest first: a line may hold two of these pairs.
_TEXTS = (
    ("problem", "solution"), ("source", "target"), ("src", "tgt"), ("source_text", "target_text"),
    ("article", "highlights"), ("article", "summary"), ("document", "summary"), ("dialogue", "summary"),
    ("text", "summary"), ("prompt", "canonical_solution"), ("input", "label"), ("question", "solution"),
    ("question", "label"), ("prompt", "label"), ("human", "bot"), ("human", "gpt"), ("q", "a"),
)  # fmt: skip
# Apart from the pairs above, since their answer may be a number, which is no word to answer with.
_LABEL_COLUMNS = (("text", "label"), ("sentence", "label"), ("utterance", "intent"), ("text", "intent"),
             ("text", "category"), ("review", "sentiment"), ("text", "sentiment"))  # fmt: skip
_TWO_TEXTS = (("premise", "hypothesis"), ("sentence1", "sentence2"), ("text1", "text2"), ("question1", "question2"))
# Where lists of turns stand.
_TALKS = ("dialog", "dialogue", "conversation", "conversations", "data", "turns", "chat", "utterances", "messages")
_ASKS, _SAYS = ("human", "input", "user", "question", "prompt"), ("assistant", "output", "bot", "answer", "response")
_PAIR_COLUMNS = (("query", "positive"), ("anchor", "positive"), ("query", "pos"))
_SEVERAL = (("prompt", "responses"), ("question", "responses"), ("prompt", "completions"),
            ("question", "response_j"), ("prompt", "response_0"), ("prompt", "response_a"))  # fmt: skip


def is_talk_of_texts(value: Mapping[str, Any]) -> bool:
    """Whether a line is a dialog whose turns are texts alone."""
    return _talk(value, lambda item: isinstance(item, str)) is not None


def is_talk_of_pairs(value: Mapping[str, Any]) -> bool:
    """Whether a line is a dialog in which each item is a question with its answer."""
    return _talk(value, _is_pair) is not None


def is_two_texts(value: Any) -> bool:
    """Whether a line is a list of texts without names."""
    return isinstance(value, list) and len(value) > 1 and all(isinstance(item, str) for item in value)


def from_two_texts(value: Sequence[str]) -> list[tuple[str, str]]:
    """The first as the question, the second as its answer."""
    if len(value) != 2:
        raise BadInput(f"it is a list of {len(value)} texts; expected a question and its answer")
    return [(value[0], value[1])]


def system_of(value: Any) -> Any:
    """The system message of a line: its own, else that of the first item of its dialog."""
    items = _talk(value, _is_pair) if isinstance(value, Mapping) else None
    return items[0].get("system") if items else None


def _talk(value: Mapping[str, Any], fits: Callable[[Any], bool]) -> list[Any] | None:
    lists = (value.get(name) for name in _TALKS)
    return next((items for items in lists if isinstance(items, list) and items and all(map(fits, items))), None)


def _is_pair(item: Any) -> bool:
    return isinstance(item, Mapping) and bool(_text(item, _ASKS)) and any(name in item for name in _SAYS)


def _text(item: Mapping[str, Any], names: Sequence[str]) -> str:
    return next((str(item[name]) for name in names if item.get(name) is not None), "")


def _by_turns(texts: Sequence[str]) -> list[tuple[str, str]]:
    if len(texts) % 2:
        raise BadInput(f"its {len(texts)} turns end with the one who asks; expected the answer last")
    return list(zip(texts[::2], texts[1::2], strict=True))


def _has_columns(pairs: Sequence[tuple[str, str]], kinds: type | tuple[type, ...]) -> _Test:
    return lambda value: any(isinstance(value.get(a), str) and isinstance(value.get(b), kinds) for a, b in pairs)


def _take(pairs: Sequence[tuple[str, str]]) -> _Reader:
    def take(value: Mapping[str, Any]) -> list[tuple[str, str]]:
        field, label = next((a, b) for a, b in pairs if isinstance(value.get(a), str) and value.get(b) is not None)
        if not isinstance(value[label], str):
            raise BadInput(f"its {label} is {value[label]!r}; expected the word that the model should answer with")
        return [(value[field], value[label])]

    return take


def _refuse(why: str) -> _Reader:
    def refuse(_: Mapping[str, Any]) -> list[tuple[str, str]]:
        raise BadInput(why)

    return refuse


def _from_passage(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    answers = value["answers"]
    texts = answers.get("text") if isinstance(answers, Mapping) else answers
    # SQuAD gives several answers by several people, mostly the same; an empty list is a question without one.
    first = next(iter(texts), None) if isinstance(texts, list) else None
    first = first.get("text") if isinstance(first, Mapping) else first
    if not isinstance(first, str) or not first:
        raise BadInput("it has no answer; expected one in answers.text")
    context = str(value.get("context") or "")
    return [(f"{context}\n\n{value['question']}" if context else value["question"], first)]


def _from_choices(value: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The choices below the question, each with its letter; a number as the answer is a letter, too."""
    choices = value.get("choices", value.get("options"))
    texts, letters = choices, list(ascii_uppercase)
    if isinstance(choices, Mapping):
        whole = isinstance(choices.get("text"), list) and isinstance(choices.get("label"), list)
        # ARC has two lists side by side, others a letter for each choice.
        texts, letters = (choices["text"], choices["label"]) if whole else (list(choices.values()), list(choices))
    # ARC's name, the usual one, and MedQA's.
    answer = next((value[name] for name in ("answerKey", "answer", "answer_idx") if value.get(name) is not None), None)
    # MMLU gives the place of the right choice, counted from 0.
    if isinstance(answer, int) and not isinstance(answer, bool) and 0 <= answer < len(texts) <= len(letters):
        answer = letters[answer]
    if not isinstance(answer, str) or not answer:
        raise BadInput("it does not say which of its choices is right; expected answer or answerKey")
    lines = [f"{letter}. {text}" for letter, text in zip(letters, texts, strict=False)]
    return [("\n".join([str(value["question"]), "", *lines]), answer)]


def has_choices(value: Mapping[str, Any]) -> bool:
    """Whether a line is a question with choices."""
    return isinstance(value.get("question"), str) and isinstance(
        value.get("choices", value.get("options")), list | dict
    )


def _is_translation(value: Mapping[str, Any]) -> bool:
    translation = value.get("translation")
    return (
        isinstance(translation, Mapping)
        and len(translation) > 1
        and all(isinstance(text, str) for text in translation.values())
    )


MARKS: Mapping[str, _Test] = {
    PASSAGE: lambda v: isinstance(v.get("question"), str) and isinstance(v.get("answers"), list | dict),
    TEXTS: _has_columns(_TEXTS, str),
    TWO_TEXTS: _has_columns(_TWO_TEXTS, str),
    TEXT_AND_LABEL: _has_columns(_LABEL_COLUMNS, (str, int, float)),
    TRANSLATION: _is_translation,
    SEVERAL: _has_columns(_SEVERAL, (list, str)),
    EMBEDDING_PAIRS: _has_columns(_PAIR_COLUMNS, (list, str)),
}
"""In this order, after all forms that say who speaks."""

PAIRS_OF: Mapping[str, Callable[[Any], list[tuple[str, str]]]] = {
    TALK: lambda v: _by_turns(_talk(v, lambda item: isinstance(item, str)) or []),
    PAIRS: lambda v: [(_text(item, _ASKS), _text(item, _SAYS)) for item in _talk(v, _is_pair) or []],
    TWO: from_two_texts,
    CHOICES: _from_choices,
    PASSAGE: _from_passage,
    TEXTS: _take(_TEXTS),
    TEXT_AND_LABEL: _take(_LABEL_COLUMNS),
    TWO_TEXTS: _refuse(
        "it has two texts and a label; write them as one question, and the label as a word for its answer"
    ),
    TRANSLATION: _refuse("it does not say which language is the question; write prompt and completion"),
    SEVERAL: _refuse("expected one answer, or pairs of a chosen and a rejected one (prompt, chosen, rejected)"),
    EMBEDDING_PAIRS: _refuse("a passage is no answer; such pairs train an embedding model"),
}
"""Form -> the questions and answers of a line. Each raises `BadInput` where there are none."""
