"""What is refused before a run over data questions may spend."""

import sqlite3
from dataclasses import replace

import pytest

from llmopt_core.errors import BadInput
from llmopt_core.experiments.plan import check_plan
from llmopt_core.types import EvaluationSet, Example

SINGERS = Example("s", "How many singers are there?", variables={"sql": "SELECT count(*) FROM singer"})


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "databases").mkdir()
    with sqlite3.connect(tmp_path / "databases" / "concerts.sqlite") as connection:
        connection.execute("CREATE TABLE singer (name TEXT, age INTEGER)")
    return tmp_path / "databases"


async def check(lab, *examples, metrics=("valid_sql",), documents=(), **changes):
    lab.metrics, lab.evaluation_set, lab.documents = metrics, EvaluationSet("questions", examples), documents
    values = {"name": "sql", "retrieval": None, "prompt": {}, **changes}
    async with lab.models() as models:
        check_plan(lab.plan(lab.configuration(**values)), models)
    assert lab.chat.requests == []


def at(example, database):
    return replace(example, variables={**example.variables, "database": database})


async def test_a_database_that_can_be_read_is_let_through(lab, folder):
    await check(lab, at(SINGERS, "concerts"), data={"source": str(folder)})
    await check(lab, SINGERS, data={"source": str(folder / "concerts.sqlite")}, metrics=("execution_accuracy",))


@pytest.mark.parametrize(
    ("source", "database", "message"),
    [
        ("", "cars", "sql cannot ask the database of question s: There is no database 'cars' below"),
        ("nowhere.sqlite", "", r"sql cannot ask the database of question s: .*nowhere\.sqlite does not exist"),
        ("broken.sqlite", "", r"sql cannot ask the database of question s: broken\.sqlite is damaged|cannot be read"),
        ("", "", "sql cannot ask the database of question s: "),
    ],
)
async def test_a_database_that_cannot_be_read_is_refused(lab, folder, source, database, message):
    (folder / "broken.sqlite").write_bytes(b"no database at all" * 100)
    with pytest.raises(BadInput, match=message):
        await check(lab, at(SINGERS, database), data={"source": str(folder / source)})


async def test_every_database_of_the_set_is_looked_at(lab, folder):
    with pytest.raises(BadInput, match="question t: There is no database 'cars'"):
        await check(lab, at(SINGERS, "concerts"), at(replace(SINGERS, id="t"), "cars"), data={"source": str(folder)})


async def test_metrics_of_right_queries_need_one(lab, folder):
    data = {"source": str(folder / "concerts.sqlite")}
    question = replace(SINGERS, variables={})
    with pytest.raises(BadInput, match="execution_accuracy needs right queries, but no example of questions has one"):
        await check(lab, question, metrics=("valid_sql", "execution_accuracy"), data=data)
    await check(lab, question, metrics=("valid_sql", "first_try"), data=data)


@pytest.mark.parametrize("more", [{"method": "few-shot-masked"}, {"same_difficulty": True}])
async def test_solved_queries_that_are_to_be_shown_must_be_there(lab, folder, more):
    with pytest.raises(BadInput, match=r"chooses solved queries by .*, but has none"):
        await check(lab, SINGERS, data={"source": str(folder / "concerts.sqlite"), **more})


ROUTES = {"method": "nearest", "examples": [{"question": "How many?", "category": "figures"}]}


@pytest.mark.parametrize(
    ("categories", "message"),
    [([], "no category goes there"), (["numbers"], "the category numbers .* does not know; known are: figures")],
)
async def test_a_router_must_be_able_to_reach_the_database(lab, folder, categories, message):
    data = {"source": str(folder / "concerts.sqlite"), "routing": ROUTES, "categories": categories}
    with pytest.raises(BadInput, match=message):
        await check(lab, SINGERS, data=data)


async def test_documents_are_needed_where_a_question_may_go_to_them(lab, folder):
    data = {"source": str(folder / "concerts.sqlite")}
    retrieval = {"chunking": {"size": 20}}
    await check(lab, SINGERS, data=data, retrieval=retrieval)
    routed = {**data, "routing": ROUTES, "categories": ["figures"]}
    with pytest.raises(BadInput, match="retrieves, but there are no documents"):
        await check(lab, SINGERS, data=routed, retrieval=retrieval)
    with pytest.raises(BadInput, match="retrieves, but there are no documents"):
        await check(lab, SINGERS, data=data, retrieval=retrieval, tools=["sql"])


async def test_a_prompt_may_use_the_result_where_a_query_is_written(lab, folder):
    data, prompt = {"source": str(folder / "concerts.sqlite")}, {"template": "{{ question }} {{ result }} {{ sql }}"}
    await check(lab, SINGERS, data=data, prompt=prompt)
    with pytest.raises(BadInput, match=r"uses \{\{ result \}\}, but sql asks no data source"):
        await check(lab, SINGERS, prompt=prompt)
    with pytest.raises(BadInput, match=r"uses \{\{ (result|sql) \}\}"):
        await check(lab, SINGERS, data=data, prompt=prompt, tools=["sql"])
