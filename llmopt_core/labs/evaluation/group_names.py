"""Names of groups of failures by a model, which reads their notes; what people have named stays."""

from __future__ import annotations

import re
from collections.abc import Sequence

from llmopt_core.errors import BadInput
from llmopt_core.experiments.preflight import check_budget
from llmopt_core.labs.evaluation.note_groups import free_name, has_proposed_name
from llmopt_core.labs.evaluation.notes import NoteBook, change_notes, read_notes
from llmopt_core.models.base import ChatRequest, ModelSpec
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.text.thinking import split_thinking
from llmopt_core.text.words import shorten
from llmopt_core.types import Message, fingerprint

_NOTES = 12
"""Notes of a group that are shown: more of the same kind say nothing new."""
_NOTE_LENGTH, _NAME_LENGTH = 200, 60
# `3: Wrong years`, `3. Wrong years`, `**3)** Wrong years`, `第3组：年份错误`.
_LINE = re.compile(r"^\W*(?:group\s*|第)?(\d+)\W*?(?:组)?\s*[.:)\]、：)-]\W*(.+?)[\s*_\"'`]*$", re.IGNORECASE)


def unnamed_groups(book: NoteBook) -> list[str]:
    """The ids of the groups that still have the name they were proposed with."""
    return [group for group, name in book.groups.items() if has_proposed_name(name, book.of_group(group))]


async def name_groups(
    store: Store,
    project: Project | str,
    set_name: str,
    models: Models,
    model: ModelSpec,
    *,
    budget_usd: float | None = None,
) -> int:
    """Let a model name the groups that nobody has named, by one call; returns how many have a new name.

    Args:
        store: Keeps the notes.
        project: Whose.
        set_name: The evaluation set.
        models: Of the current event loop.
        model: Who is asked.
        budget_usd: The most that it may cost.

    Raises:
        BadInput: The reply holds no names, or a budget is set and the model's price is not known.
        EndpointError: The model cannot be reached.
        OutOfBudget: The call would cost more.
    """
    book = read_notes(store, project, set_name)
    groups = unnamed_groups(book)
    if not groups:
        return 0
    if budget_usd is not None:
        check_budget(budget_usd, [model], models)
    prompt = _prompt([[note.text for note in book.of_group(group)] for group in groups])
    work = f"failure-group-names-{fingerprint(project if isinstance(project, str) else project.name, set_name, groups)}"
    with models.spending(work, budget_usd):
        reply = await models.chat(model).complete(ChatRequest((Message("user", prompt),), model))
    names = _names(reply.text, len(groups))
    if not names:
        raise BadInput(
            f"The model's reply holds no names ({shorten(reply.text, 80) or 'it is empty'}); nothing was renamed."
        )
    count = 0

    def change(now: NoteBook) -> NoteBook:
        nonlocal count
        # Renamed, merged or emptied while the model was asked: what people did goes before.
        titles, count = dict(now.groups), 0
        for place, name in names.items():
            group = groups[place]
            if now.groups.get(group) == book.groups[group]:
                titles[group] = free_name(name, {key: title for key, title in titles.items() if key != group})
                count += 1
        return NoteBook(now.notes, titles)

    change_notes(store, project, set_name, change)
    return count


def _prompt(groups: Sequence[Sequence[str]]) -> str:
    parts = []
    for number, texts in enumerate(groups, start=1):
        notes = [f"- {shorten(text, _NOTE_LENGTH)}" for text in dict.fromkeys(texts)]
        parts.append("\n".join([f"Group {number}:", *notes[:_NOTES]]))
    return f"{_INSTRUCTION}\n\n" + "\n\n".join(parts)


def _names(reply: str, count: int) -> dict[int, str]:
    """The place of each group in the request, and its name; what is not such a line is passed over."""
    found: dict[int, str] = {}
    for line in split_thinking(reply)[0].splitlines():
        match = _LINE.match(line.strip())
        if match and 1 <= int(match[1]) <= count:
            found.setdefault(int(match[1]) - 1, shorten(" ".join(match[2].split()), _NAME_LENGTH))
    return found


_INSTRUCTION = (
    "Reviewers noted what went wrong in answers of a system. Their notes were put into groups of one kind of mistake. "
    "Name each group in two to six words that say what goes wrong, in the language of its notes. Reply with one line "
    "per group: its number, a colon, the name. Nothing else."
)
