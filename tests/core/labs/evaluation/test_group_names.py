"""Groups named by a model: only those that nobody has named, whatever the reply looks like."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from llmopt_core.errors import BadInput, OutOfBudget
from llmopt_core.labs.evaluation.group_names import name_groups, unnamed_groups
from llmopt_core.labs.evaluation.note_groups import count_groups, propose_groups, rename_group
from llmopt_core.labs.evaluation.note_vectors import is_embedding_fit
from llmopt_core.labs.evaluation.notes import Note, read_notes, save_note
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.prices import Prices
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.runs.store import Store
from llmopt_core.runs.temporary_store import temporary_store
from llmopt_core.settings import Settings

P, SET = "p", "questions"
NOTES = ("year is wrong", "year off by one", "format is no JSON", "format again", "unit missing")


@pytest.fixture
def store() -> Iterator[Store]:
    with temporary_store() as store:
        store.ensure_project(P)
        yield store


def group(store: Store, texts: tuple[str, ...] = NOTES) -> None:
    for number, text in enumerate(texts):
        save_note(store, P, SET, Note(1, f"q{number}", "rag", question="?", text=text))
    propose_groups(store, P, SET, HashEmbedder().encode)


def names(store: Store) -> dict[str, set[str]]:
    """Name of each group -> its notes."""
    return {one.name: {note.text for note in one.notes} for one in count_groups(read_notes(store, P, SET))}


async def ask(store: Store, chat: ScriptedChat, budget: float | None = None, price: float | None = None) -> int:
    endpoint = Endpoint(name="llm", default_model="m", base_url="http://127.0.0.1:9", prices={} if price is None else {
        "*": Prices(prompt=price, completion=price)})  # fmt: skip
    async with Models(Settings.from_environment(), endpoints={"llm": endpoint}) as models:
        models.register("llm", chat)
        return await name_groups(store, P, SET, models, ModelSpec(endpoint="llm"), budget_usd=budget)


async def test_a_model_names_what_nobody_has_named_in_one_call(store: Store) -> None:
    group(store, ("year is wrong", "year is off", "format is no JSON"))
    book = read_notes(store, P, SET)
    year = next(one.id for one in count_groups(book) if len(one.notes) == 2)
    rename_group(store, P, SET, year, "Dates")
    chat = ScriptedChat(["<think>2: nothing</think>\n**1)** Not valid  JSON"])
    assert await ask(store, chat) == 1
    assert names(store) == {"Dates": {"year is wrong", "year is off"}, "Not valid JSON": {"format is no JSON"}}
    (request,) = chat.requests
    assert "format is no JSON" in request.messages[0].content
    assert "year" not in request.messages[0].content
    # All have a name now: nothing is asked.
    assert unnamed_groups(read_notes(store, P, SET)) == []
    assert await ask(store, chat) == 0


@pytest.mark.parametrize("reply", ["1: Same\n2: Same\n9: no such group", "Group 1 - Same\n2. *Same*\nthat is all"])
async def test_two_of_one_name_are_told_apart_and_other_lines_passed_over(store: Store, reply: str) -> None:
    group(store, ("year is wrong", "format is no JSON"))
    assert await ask(store, ScriptedChat([reply])) == 2
    assert set(names(store)) == {"Same", "Same (2)"}


async def test_a_reply_without_names_changes_nothing_and_says_so(store: Store) -> None:
    group(store)
    before = names(store)
    with pytest.raises(BadInput, match=r"holds no names \(I cannot\.\); nothing was renamed"):
        await ask(store, ScriptedChat(["I cannot."]))
    assert names(store) == before


async def test_what_people_did_meanwhile_goes_before(store: Store) -> None:
    group(store, ("year is wrong", "format is no JSON"))

    def rename_meanwhile(_request: object) -> str:
        first = next(iter(read_notes(store, P, SET).groups))
        rename_group(store, P, SET, first, "By hand")
        return "1: By model\n2: Form"

    assert await ask(store, ScriptedChat(rename_meanwhile)) == 1
    assert set(names(store)) == {"By hand", "Form"}


async def test_a_budget_holds_and_needs_a_price(store: Store) -> None:
    group(store)
    with pytest.raises(BadInput, match="price"):
        await ask(store, ScriptedChat(["1: A"]), budget=1.0)
    chat = ScriptedChat(["1: A"])
    with pytest.raises(OutOfBudget):
        await ask(store, chat, budget=0.000001, price=1000.0)
    assert chat.requests == []


CHINESE = {
    "year": ("年份错了", "年份不对", "给出了错误的年份", "答案里的年份是错的", "年份差了一年"),
    "invent": ("编造了文中没有的内容", "文中没有这个说法", "说了文中没有的事实"),
    "format": ("格式错误", "没有按要求的格式输出", "输出格式不符合要求"),
}


def test_chinese_notes_are_grouped_by_their_words_without_the_embedding(store: Store) -> None:
    texts = tuple(text for part in CHINESE.values() for text in part)
    assert not is_embedding_fit(texts)
    assert is_embedding_fit(["the year is wrong: 年", "too long"])
    for number, text in enumerate(texts):
        save_note(store, P, SET, Note(1, f"q{number}", "rag", question="?", text=text))
    propose_groups(store, P, SET, lambda _texts: pytest.fail("it reads English only"))
    assert sorted(map(sorted, names(store).values())) == sorted(map(sorted, CHINESE.values()))
    # A later note goes where its words are.
    save_note(store, P, SET, Note(1, "later", "rag", question="?", text="年份又错了"))
    assert propose_groups(store, P, SET, lambda _texts: pytest.fail("it reads English only")) == 0
    assert any("年份又错了" in notes and "年份错了" in notes for notes in names(store).values())
