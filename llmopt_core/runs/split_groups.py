"""Which questions of a set hang together: by a document, or because they ask nearly the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from llmopt_core.text.words import words
from llmopt_core.types import Example
from llmopt_core.types.grouping import connected_groups

# Below this a dropped word leaves too little to say that two questions are the same.
_LEAST_WORDS = 5


def example_documents(example: Example) -> tuple[str, ...]:
    """What an example is about: its documents; of SQuAD and its kin without sources the title, or the paragraph."""
    if example.references:
        return tuple(dict.fromkeys(span.document for span in example.references))
    context, title = example.variables.get("context"), example.variables.get("title")
    if not isinstance(context, str) or not context.strip():
        return ()
    if isinstance(title, str) and title.strip():
        return (f"title {title}",)
    return (f"paragraph {hashlib.sha256(context.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}",)


def text_key(example: Example) -> str:
    """The words of a question, whatever their order."""
    return " ".join(sorted(words(example.question)))


def question_groups(examples: Sequence[Example]) -> list[list[int]]:
    """Places of the examples that hang together by a document or by nearly the same question."""
    return connected_groups(_connections(examples))


def _connections(examples: Sequence[Example]) -> Iterable[list[str]]:
    """For each example what it shares with those that must stand beside it."""
    sorted_words = [sorted(words(example.question)) for example in examples]
    texts = {" ".join(one) for one in sorted_words}
    for example, own_words in zip(examples, sorted_words, strict=True):
        keys = [f"document {name}" for name in example_documents(example)]
        keys.append(f"text {' '.join(own_words)}")
        # The same question with one word more. One word for another asks something else, as in sets made from
        # templates.
        if len(own_words) > _LEAST_WORDS:
            shorter = (" ".join(own_words[:i] + own_words[i + 1 :]) for i in range(len(own_words)))
            keys += [f"text {text}" for text in shorter if text in texts]
        yield keys
