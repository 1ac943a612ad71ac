"""Training pairs of data questions."""

import sqlite3

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.labs.data_questions.training_pairs import query_pairs
from llmopt_core.models.base import BUILTIN_EMBEDDING
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.settings import Settings
from llmopt_core.types import Example

EXAMPLES = (
    Example("a", "How many singers are there?", variables={"sql": "SELECT count(*) FROM singer;"}),
    Example("b", "Name all singers.", variables={"sql": "SELECT name FROM singer"}),
    Example("c", "No query is known."),
)


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "concerts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (name TEXT)")
    return path


async def pairs(tmp_path, database, mode, questions=EXAMPLES, **data):
    async with Models(Settings(home=tmp_path / "home"), endpoints={}) as models:
        models.register("scripted", ScriptedChat([]))
        models.register_embedder(BUILTIN_EMBEDDING, HashEmbedder())
        model = {"endpoint": "scripted", "mode": mode}
        values = {"name": "plain", "model": model, "data": {"source": str(database), **data}}
        return (await query_pairs([Configuration.model_validate(values)], questions, models)).examples


async def test_a_text_model_learns_to_go_on_behind_select(tmp_path, database):
    first, second = await pairs(tmp_path, database, "completion")
    assert first.messages[0]["content"].endswith("/* Question: How many singers are there? */\nSELECT")
    assert first.messages[1] == {"role": "assistant", "content": "count(*) FROM singer;"}
    assert second.messages[1]["content"] == "name FROM singer;"
    assert first.group == "SELECT count(*) FROM singer;"


async def test_a_chat_model_learns_a_block(tmp_path, database):
    first, _ = await pairs(tmp_path, database, "chat")
    assert [message["role"] for message in first.messages] == ["system", "user", "assistant"]
    assert first.messages[-1]["content"] == "```sql\nSELECT count(*) FROM singer;\n```"
    assert "CREATE TABLE singer" in first.messages[1]["content"]


async def test_solved_queries_stand_in_the_prompt_but_never_its_own(tmp_path, database):
    solved = [{"question": one.question, "sql": one.gold_queries[0]} for one in EXAMPLES[:2]]
    first, _ = await pairs(tmp_path, database, "chat", method="few-shot-question", examples=solved)
    assert "SELECT name FROM singer" in first.messages[1]["content"]
    assert "count(*)" not in first.messages[1]["content"]


async def test_without_a_right_query_there_is_nothing_to_learn(tmp_path, database):
    with pytest.raises(BadInput, match="No example has a right query"):
        await pairs(tmp_path, database, "chat", EXAMPLES[2:])
