"""Which column of a question file means what, by its name or by what the user says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from llmopt_core.errors import BadInput

RIGHT_ANSWERS = "right_answers"
# In the order in which a form asks for them.
ROLES = ("question", "reference", "id", "category", "document", "quote")
"""What a user may say of a column."""
# Only these names say that a text in brackets is a list of answers.
PLURAL = ("answers", "ground_truths", "reference_answers", "correct_answers", "gold_answers", "golden_answers",
          "possible_answers")  # fmt: skip
ALIASES = {
    "question": ("user_input", "query", "input"),
    "id": ("question_id", "_id", "query_id", "qid"),
    "reference": ("answer", "ground_truth", "reference_answer", "expected_answer", "expected_output", "ideal",
                  "correct_answer", "best_answer", "gold_answer", "golden_answer", *PLURAL),
    "references": (),
    "category": (),
    RIGHT_ANSWERS: (),
}  # fmt: skip
"""Names that other tools give to our columns; taken only where ours is absent."""
# Where the answer stands; `corpus_id` is how Chroma's data sets call the document.
PLACE = ("document", "corpus_id", "start", "end", "quote")
_COLUMN_NAMES = frozenset(
    {*ALIASES, *(name for names in ALIASES.values() for name in names), *PLACE, "variables", "text"}
)
# Words inside of a name, such as `expected_answer_text`, in English and some other languages.
_ANSWERS = frozenset((
    "answer", "answers", "truth", "truths", "gold", "golden", "expected", "antwort", "antworten", "respuesta",
    "réponse", "reponse", "risposta", "resposta", "odpověď", "odpoved", "答案", "回答",
))  # fmt: skip
# Offered in a form and never taken without a question: `text` may be anything.
_GUESSES = {
    "question": ("frage", "pregunta", "domanda", "pergunta", "otázka", "prompt", "问题", "質問", "text"),
    "id": ("nr", "no", "number", "key"),
    "category": ("kategorie", "type", "topic", "thema"),
    "document": ("dokument", "datei", "file", "source", "doc"),
    "quote": ("zitat", "passage", "evidence", "excerpt"),
}
# Often something else than the right answer: told only where there is none.
_PERHAPS = frozenset(("label", "target", "output", "outputs", "response", "completion", "solution", "ideal"))
# With one of these words a column is about an answer, and is none.
_NEVER = frozenset(("incorrect", "wrong", "type", "id", "start", "end", "length", "count", "index", "model", "time"))


class NoQuestionColumn(BadInput):
    """No column of a question file is known as its question; `columns` are those that are there."""

    def __init__(self, where: str, columns: Iterable[str]) -> None:
        self.where, self.columns = where, tuple(columns)
        super().__init__(
            f"{where}: the column `question` is missing; found {', '.join(self.columns[:8])}. Say which one it is, "
            "such as `--column question=NAME` on the command line."
        )

    # Errors of a child process travel as their arguments; by default those would be the whole sentence.
    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.where, self.columns)


def plain_name(name: str) -> str:
    """A name of a column as tools write it: `Ground Truth`, `groundTruth` and `GROUND_TRUTH` are `ground_truth`."""
    # A capital letter after a small one begins a word.
    snake_name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"[\s-]", "_", snake_name).lower()


def means_something(name: str) -> bool:
    """Whether a column of that name is more than a variable."""
    return plain_name(name) in _COLUMN_NAMES


def has_question(columns: Iterable[str]) -> bool:
    """Whether one of the columns is known as the question."""
    return bool({plain_name(column) for column in columns} & {"question", *ALIASES["question"]})


def is_query_row(values: Mapping[str, Any]) -> bool:
    """Whether a row is a query as BEIR writes it: `_id` and `text`, and unlike a document no title."""
    # A document of BEIR has `_id` and `text` as well, and a title.
    return "_id" in values and isinstance(values.get("text"), str) and not values.get("title")


def take(values: dict[str, Any], role: str) -> tuple[Any, str]:
    """Take the value of a column under our name, or where that is absent under another tool's; and its own name."""
    # Later names win: reversed, so that of two spellings the first column is taken; exact ones above all.
    names = {plain_name(name): name for name in reversed(values)} | {name: name for name in values}
    columns = [names[key] for key in (role, *ALIASES[role]) if key in names]
    if role == "question" and not columns and is_query_row(values):
        columns = ["text"]
    if not columns:
        return None, ""
    # An empty column of our name must not hide a filled one of another.
    column = next((name for name in columns if values[name] not in (None, "", [])), columns[0])
    return values.pop(column), column


def take_place(values: dict[str, Any]) -> dict[str, Any]:
    """Take the row's own place of the answer. Without a document or quote, `start` means something else."""
    names = {plain_name(name): name for name in reversed(values)} | {name: name for name in values}
    if all(values.get(names.get(key, "")) in (None, "") for key in ("document", "corpus_id", "quote")):
        return {}
    return {key: values.pop(names[key]) for key in PLACE if key in names}


def looks_like_answer(name: str, *, has_answer: bool) -> bool:
    """Whether a column that is a variable may be meant as the right answer.

    Args:
        name: The column's name.
        has_answer: Whether another column is the right answer.
    """
    words = set(plain_name(name).split("_"))
    # Few words are sure; the others mean something else where there is an answer already.
    return bool(words & (_ANSWERS if has_answer else _ANSWERS | _PERHAPS)) and not words & _NEVER


def check_roles(columns: Mapping[str, str]) -> None:
    """Whether what the user says of columns can be meant.

    Raises:
        BadInput: A meaning that there is not, or two of one column.
    """
    for role in columns:
        if role not in ROLES:
            raise BadInput(f"A column cannot mean {role!r}; expected one of {', '.join(ROLES)}.")
    names = list(columns.values())
    # In order, so that the message is the same each time.
    duplicate = next((name for name in names if names.count(name) > 1), None)
    if duplicate is not None:
        raise BadInput(f"The column {duplicate!r} cannot mean two things.")


def check_columns(columns: Mapping[str, str], names: Collection[str], file: str) -> None:
    """Whether the file has the columns that the user names.

    Raises:
        BadInput: It does not.
    """
    for role, name in columns.items():
        if name not in names:
            raise BadInput(f"{file} has no column {name!r} for the {role}; found {', '.join(list(names)[:8])}.")


def guess_columns(columns: Iterable[str]) -> dict[str, str]:
    """What columns of a file may mean, for a form that asks."""
    candidates = list(columns)
    guesses: dict[str, str] = {}
    for role in ROLES:
        # A column is offered for one meaning only: the first in the order of `ROLES`.
        aliases = {role, *ALIASES.get(role, ()), *_GUESSES.get(role, ())}
        name = next((one for one in candidates if plain_name(one) in aliases), None)
        if name is None and role == "reference":
            name = next((one for one in candidates if looks_like_answer(one, has_answer=False)), None)
        if name is not None:
            guesses[role] = name
            candidates.remove(name)
    return guesses
