"""A configuration with a data source: what is asked, kept and routed."""

import asyncio
import sqlite3
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest

from llmopt_core.databases.schema import Column, Schema, Table
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.metrics.queries import needed_parts
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.experiments.result import result_of
from llmopt_core.experiments.runner import run_evaluation
from llmopt_core.models.scripted import ScriptedChat
from llmopt_core.types import EvaluationSet, Example, ToolCall

SINGERS = Example("s", "How many singers are there?", "2", variables={"sql": "SELECT secret FROM gold"})
RIVER = Example("r", "Which river flows through Cologne?", "Rhine", category="text")


@pytest.fixture
def database(tmp_path):
    path = tmp_path / "concerts.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE singer (name TEXT, age INTEGER)")
        connection.execute("INSERT INTO singer VALUES ('Ann', 30), ('Bob', 41)")
    return path


def script(lab, *replies):
    lab.chat = ScriptedChat(list(replies))
    return lab


async def records(lab, configuration, *examples):
    async with lab.models() as models:
        pipeline = lab.pipeline(configuration, models)
        return [await pipeline.evaluate(example) for example in examples]


def data(lab, database, **more):
    values = {"retrieval": None, "prompt": {}, "data": {"source": str(database), **more.pop("data", {})}, **more}
    return lab.configuration(**values)


COUNT = "```sql\nSELECT count(*) FROM singer\n```"


async def test_a_question_is_answered_by_the_database_and_kept(lab, database):
    lab.metrics = ("answer_f1",)
    (record,) = await records(script(lab, COUNT), data(lab, database), SINGERS)
    assert record.failure is None
    assert (record.answer.text, record.answer.data.sql) == ("2", "SELECT count(*) FROM singer")
    assert record.scores["answer_f1"].value == 1.0
    assert "secret" not in str(lab.chat.requests)
    (again,) = await records(script(lab.restarted(), "no call is expected"), data(lab, database), SINGERS)
    assert again.answer == record.answer
    assert lab.restarted().chat.requests == []


async def test_a_result_file_holds_every_query(lab, database):
    broken = "```sql\nSELECT count(*) FROM singers\n```"
    lab.metrics, lab.chat = ("valid_sql",), ScriptedChat([broken, COUNT])
    lab.evaluation_set = EvaluationSet("questions", (SINGERS,))
    async with lab.models() as models:
        configuration = data(lab, database, data={"repair": 1})
        run_id = await run_evaluation(lab.store, lab.plan(configuration), configuration, models)
    values = result_of(lab.store, [run_id])["runs"][0]["records"][0]["data"]
    assert [(one["sql"], one["status"]) for one in values["attempts"]] == [
        ("SELECT count(*) FROM singers", "error"),
        ("SELECT count(*) FROM singer", "ok"),
    ]
    assert (values["sql"], values["status"], values["repairs"]) == ("SELECT count(*) FROM singer", "ok", 1)
    assert values["gold_queries"] == ["SELECT secret FROM gold"]


async def test_a_changed_database_is_asked_again(lab, database):
    await records(script(lab, COUNT), data(lab, database), SINGERS)
    with sqlite3.connect(database) as connection:
        connection.execute("INSERT INTO singer VALUES ('Cai', 20)")
    (record,) = await records(lab := script(lab.restarted(), COUNT), data(lab, database), SINGERS)
    assert record.answer.text == "3"
    # The call of the model is kept where its prompt is the same; the schema's sample values changed it here.
    assert len(lab.chat.requests) == 1


async def test_the_router_sends_figures_to_the_database_and_the_rest_to_documents(lab, database):
    routing = {"method": "given", "routes": {"figures": {}, "text": {}}}
    configuration = lab.configuration(
        prompt={"template": "{{ context }}\nQuestion: {{ question }}"},
        data={"source": str(database), "routing": routing, "categories": ["figures"]},
    )
    script(lab, COUNT, "Rhine")
    figures, text = await records(lab, configuration, replace(SINGERS, category="figures"), RIVER)
    assert (figures.answer.text, figures.answer.hits) == ("2", ())
    assert figures.answer.data is not None
    assert text.answer.data is None
    assert text.answer.hits[0].chunk.document == "rivers.txt"


async def test_the_model_may_call_the_tools_itself(lab, database):
    calls = [
        ToolCall("1", "sql", '{"query": "SELECT ages FROM singer"}'),
        ToolCall("2", "sql", '{"query": "SELECT avg(age) AS mean FROM singer"}'),
        ToolCall("3", "calculator", '{"expression": "35.5 * 2"}'),
    ]
    configuration = data(lab, database, tools=["sql", "calculator"], prompt={"template": "{{ question }} {{ sql }}"})
    example = replace(SINGERS, variables={**SINGERS.variables, "sql": "SELECT secret FROM gold"})
    (record,) = await records(script(lab, *calls, "71 years."), configuration, example)
    assert record.failure is not None
    configuration = data(lab, database, tools=["sql", "calculator"])
    (record,) = await records(script(lab, *calls, "71 years."), configuration, example)
    assert record.answer.text == "71 years."
    assert [one.status for one in record.answer.data.attempts] == ["error", "ok"]
    assert record.answer.data.sql == "SELECT avg(age) AS mean FROM singer"
    assert "no such column: ages" in record.answer.prompt[2].content
    assert record.answer.prompt[-1].content == "71"
    assert "CREATE TABLE singer" in lab.chat.requests[0].tools[0].description
    assert "secret" not in str(lab.chat.requests)


async def test_an_example_names_its_database_below_a_folder(lab, database):
    folder = database.parent
    example = replace(SINGERS, variables={"database": "concerts"})
    (record,) = await records(script(lab, COUNT), data(lab, folder), example)
    assert record.answer.text == "2"
    for name in ("nowhere", "../concerts"):
        other = replace(SINGERS, variables={"database": name})
        (record,) = await records(script(lab, COUNT), data(lab, folder), other)
        assert name in record.failure.message


SCORES = (
    "execution_accuracy", "first_draft_accuracy", "bird_accuracy", "spider_accuracy", "spider2_accuracy",
    "defog_accuracy", "valid_sql", "first_try", "table_recall", "column_recall",
)  # fmt: skip


async def score(lab, database, gold, *replies, question=SINGERS.question, **more):
    lab.metrics = SCORES
    example = replace(SINGERS, question=question, variables={"sql": gold})
    (record,) = await records(script(lab, *replies), data(lab, database, data=more), example)
    return {name: one.value for name, one in record.scores.items()}, record


async def test_a_right_query_has_the_rows_of_the_gold(lab, database):
    scores, record = await score(lab, database, "SELECT count(name) AS n FROM singer", COUNT)
    assert set(scores.values()) == {1.0}
    assert record.scores["execution_accuracy"].evidence[0].source == "SELECT count(name) AS n FROM singer"


async def test_what_a_repair_gained_is_seen(lab, database):
    broken = "```sql\nSELECT count(*) FROM singers\n```"
    scores, _ = await score(lab, database, "SELECT count(name) FROM singer", broken, COUNT, repair=1)
    assert (scores["first_draft_accuracy"], scores["execution_accuracy"]) == (0.0, 1.0)
    assert (scores["first_try"], scores["valid_sql"]) == (0.0, 1.0)


async def test_any_of_several_golds_is_right(lab, database):
    scores, _ = await score(lab, database, ["SELECT 7", "SELECT count(*) FROM singer"], COUNT)
    assert scores["execution_accuracy"] == 1.0


async def test_two_empty_results_prove_nothing_and_are_counted_as_missing(lab, database):
    empty = "```sql\nSELECT name FROM singer WHERE age > 99\n```"
    scores, record = await score(lab, database, "SELECT name FROM singer WHERE age < 0", empty)
    assert scores["execution_accuracy"] is None
    assert record.scores["execution_accuracy"].failure.startswith("Both results are empty")
    assert scores["valid_sql"] == 1.0


async def test_comparators_disagree_and_each_says_its_own(lab, database):
    more = "```sql\nSELECT name, age FROM singer\n```"
    scores, _ = await score(lab, database, "SELECT name FROM singer", more)
    assert (scores["execution_accuracy"], scores["spider2_accuracy"], scores["defog_accuracy"]) == (0.0, 1.0, 1.0)
    assert (scores["bird_accuracy"], scores["spider_accuracy"]) == (0.0, 0.0)


async def test_no_query_and_a_failed_one_are_wrong_and_a_failed_gold_has_no_value(lab, database):
    scores, _ = await score(lab, database, "SELECT count(*) FROM singer", "I cannot say.")
    assert (scores["execution_accuracy"], scores["valid_sql"]) == (0.0, 0.0)
    scores, record = await score(lab, database, "SELECT heights FROM singer", COUNT, question="And how many are there?")
    assert scores["execution_accuracy"] is None
    assert "The right query gives no result: no such column: heights" in record.scores["execution_accuracy"].failure


async def test_an_answer_without_data_source_has_no_score_of_data(lab):
    lab.metrics = ("execution_accuracy",)
    (record,) = await records(
        lab,
        lab.configuration(),
        replace(RIVER, variables={"sql": "SELECT 1"}),
    )
    assert record.scores["execution_accuracy"].failure == "The answer asked no database."


def test_what_was_stored_before_there_were_data_sources_keeps_its_fingerprint(lab):
    assert "data" not in lab.configuration().model_dump(mode="json")
    assert lab.configuration(retrieval=None, prompt={}, model={}).fingerprint == "d7f4b21047b04410"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tools": ["sql"]}, "needs a data source"),
        ({"tools": ["calculator", "calculator"]}, "offered once"),
        ({"data": {"source": "postgresql://ann:secret@host/db"}}, "holds a password"),
        ({"data": {"source": "postgresql://host/db?password=secret"}}, "holds a password"),
    ],
)
def test_a_configuration_that_cannot_work_is_refused(lab, changes, message):
    with pytest.raises(ValueError, match=message):
        lab.configuration(**changes)


def test_a_password_may_come_from_the_environment(lab):
    source = "postgresql://ann:${SHOP_PASSWORD}@host/db"
    assert lab.configuration(data={"source": source}).data.source == source


FILE = """
evaluation_set: questions.jsonl
metrics: [answer_f1]
configurations:
  - name: sql
    data: {source: concerts.sqlite, method: few-shot-question, examples: solved.jsonl}
"""


def test_an_experiment_file_names_source_and_solved_queries_from_its_folder(database):
    folder = database.parent
    (folder / "experiment.yaml").write_text(FILE)
    (folder / "questions.jsonl").write_text('{"question": "How many?", "sql": "SELECT 1"}\n')
    (folder / "solved.jsonl").write_text('{"question": "Who?", "sql": "SELECT name FROM singer", "database": "c"}\n')
    experiment = load_experiment(folder / "experiment.yaml")
    spec = experiment.configurations[0].data
    assert spec.source == str(database)
    assert [(one.question, one.sql, one.database) for one in spec.examples] == [
        ("Who?", "SELECT name FROM singer", "c")
    ]
    (folder / "experiment.yaml").write_text(FILE.replace("metrics: [answer_f1]", ""))
    usual = ("execution_accuracy", "first_draft_accuracy", "valid_sql", "table_recall")
    assert load_experiment(folder / "experiment.yaml").metrics == usual
    (folder / "experiment.yaml").write_text(FILE)
    (folder / "solved.jsonl").write_text('{"question": "Who?"}\n')
    with pytest.raises(BadInput, match=r"line 6.*solved\.jsonl has no row with a question and its query"):
        load_experiment(folder / "experiment.yaml")
    (folder / "solved.jsonl").unlink()
    with pytest.raises(BadInput, match=r"line 6.*solved\.jsonl does not exist"):
        load_experiment(folder / "experiment.yaml")


def routed(lab, database, routing, **more):
    return lab.configuration(
        prompt={"template": "{{ context }}{{ result }}\nQuestion: {{ question }}"},
        data={"source": str(database), "routing": routing, "categories": ["figures"]},
        **more,
    )


LABELS = [{"question": "How many?", "category": "figures"}, {"question": "Which river?", "category": "text"}]


async def test_the_way_of_a_question_stands_in_its_record_with_what_it_cost(lab, database):
    routing = {"method": "llm", "examples": LABELS, "model": {"endpoint": "scripted", "name": "router"}}
    lab.chat = ScriptedChat(["figures", COUNT, "There are 2.", "text", "Rhine"], cost_usd=0.01)
    figures, text = await records(lab, routed(lab, database, routing), SINGERS, RIVER)
    assert [(stage.stage, stage.method, stage.queries) for stage in figures.trace] == [("route", "llm", ("figures",))]
    assert (figures.answer.text, figures.answer.data.source) == ("There are 2.", "concerts.sqlite")
    assert (figures.usage.calls, figures.trace[0].usage.calls) == (3, 1)
    assert [stage.stage for stage in text.trace][:2] == ["route", "transform"]
    assert (text.answer.text, text.answer.data, text.usage.calls) == ("Rhine", None, 2)
    # One prompt serves both: what is not there is empty.
    assert lab.chat.requests[2].messages[-1].content.startswith("<result>\n2\n</result>")
    assert "Cologne" in lab.chat.requests[4].messages[-1].content


async def test_what_is_kept_is_found_without_asking_the_router(lab, database):
    routing = {"method": "llm", "examples": LABELS, "model": {"endpoint": "scripted", "name": "router"}}
    lab.metrics = ("valid_sql",)
    lab.chat = ScriptedChat(["text", "Rhine", "figures", COUNT, "There are 2."])
    configuration = routed(lab, database, routing)
    # Its hits are kept, too, which must not hide that the database answered it.
    plain = lab.configuration()
    async with lab.models() as models:
        await lab.pipeline(plain, models).retrieve(SINGERS)
        pipeline = lab.pipeline(configuration, models)
        assert [pipeline.is_cached(one) for one in (RIVER, SINGERS)] == [False, False]
        for one in (RIVER, SINGERS):
            await pipeline.evaluate(one)
    again = script(lab.restarted(), "no call is expected")
    async with again.models() as models:
        pipeline = again.pipeline(configuration, models)
        assert [pipeline.is_cached(one) for one in (RIVER, SINGERS)] == [True, True]
        assert [pipeline.is_answered(one) for one in (RIVER, SINGERS)] == [True, True]
        assert again.chat.requests == []
    database.unlink()
    async with again.models() as models:
        assert [again.pipeline(configuration, models).is_cached(one) for one in (RIVER, SINGERS)] == [False, False]


async def test_other_columns_of_the_set_are_there_for_the_wording_but_not_the_right_query(lab, database):
    prompt = {"template": "{{ tone }}: {{ result }} by {{ sql }}"}
    example = replace(SINGERS, variables={**SINGERS.variables, "tone": "dry"})
    (record,) = await records(script(lab, COUNT, "Two."), data(lab, database, prompt=prompt), example)
    text = lab.chat.requests[1].messages[-1].content
    assert text == "dry: <result>\n2\n</result> by SELECT count(*) FROM singer"
    assert record.answer.text == "Two."


WRITER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
"""


@contextmanager
def lock_by_another_process(path):
    """This process would lose its locks when it closes the file that it hashed."""
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout.readline() == "locked\n"
        yield
        writer.communicate("done\n")


async def test_a_locked_database_makes_no_answer_wrong_and_is_asked_again(lab, database):
    lab.metrics = ("valid_sql",)
    script(lab, COUNT)
    # Read before, so that the lock meets the query alone.
    async with lab.models() as models:
        pipeline = lab.pipeline(data(lab, database), models)
        _ = pipeline.data.database(SINGERS).schema
        with lock_by_another_process(database):
            locked = await pipeline.evaluate(SINGERS)
        record = await pipeline.evaluate(SINGERS)
    assert "locked" in locked.failure.message
    assert (locked.answer, locked.scores) == (None, {})
    assert (record.answer.text, record.scores["valid_sql"].value) == ("2", 1.0)
    assert len(lab.chat.requests) == 1


async def test_a_query_that_nobody_waits_for_any_more_is_ended(lab, database):
    endless = "SELECT count(*) FROM singer a, singer b, singer c, singer d, singer e, singer f, singer g, singer h"
    with sqlite3.connect(database) as connection:
        connection.executemany("INSERT INTO singer VALUES (?, 1)", [(str(i),) for i in range(500)])
    script(lab, f"```sql\n{endless}\n```")
    async with lab.models() as models:
        stage = lab.pipeline(data(lab, database), models).data
        ends = []
        executor = stage.database(SINGERS)._executor
        run = executor.run

        def watched(*arguments):
            started.set()
            try:
                return run(*arguments)
            except BaseException as error:
                ends.append(type(error).__name__)
                raise
            finally:
                done.set()

        started, done = threading.Event(), threading.Event()
        executor.run = watched
        task = asyncio.ensure_future(stage.answer(SINGERS))
        assert await asyncio.to_thread(started.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(done.wait, 8)
    assert ends == ["Unwanted"]


def test_golds_may_stand_behind_each_other():
    example = Example("1", "?", variables={"sql": "SELECT ';' -- a;b\n; SELECT 2;"})
    assert example.gold_queries == ("SELECT ';' -- a;b", "SELECT 2")
    assert Example("1", "?", variables={"sql": ["SELECT 1;", " "]}).gold_queries == ("SELECT 1;",)


async def test_results_tell_what_is_unprovable_and_how_hard_a_question_is(lab, database):
    lab.metrics, lab.chat = (
        ("execution_accuracy",),
        ScriptedChat([COUNT, "```sql\nSELECT name FROM singer WHERE 0\n```"]),
    )
    empty = Example("e", "Who is younger than 0?", variables={"sql": "SELECT name FROM singer WHERE age < 0"})
    lab.evaluation_set = EvaluationSet("q", (replace(SINGERS, variables={"sql": "SELECT count(*) FROM singer"}), empty))
    async with lab.models() as models:
        configuration = data(lab, database)
        run_id = await run_evaluation(lab.store, lab.plan(configuration, concurrency=1), configuration, models)
    run = result_of(lab.store, [run_id])["runs"][0]
    metric = run["metrics"]["execution_accuracy"]
    assert (metric["mean"], metric["scored"], metric["total"], metric["unprovable"]) == (1.0, 1, 2, 1)
    assert [record["data"]["difficulty"] for record in run["records"]] == ["easy", "easy"]


async def test_validity_needs_no_right_query(lab, database):
    lab.metrics = ("valid_sql", "first_try")
    (record,) = await records(script(lab, COUNT), data(lab, database), replace(SINGERS, variables={}))
    assert [record.scores[name].value for name in lab.metrics] == [1.0, 1.0]


async def test_columns_that_were_cut_away_are_missing_from_the_recall(lab, database):
    names = [f"filler_{i}" for i in range(80)]
    with sqlite3.connect(database) as connection:
        connection.execute(f"CREATE TABLE wide ({', '.join(names)}, zeta)")
    scores, record = await score(lab, database, "SELECT w.zeta, w.filler_0 FROM wide w", COUNT)
    assert scores["table_recall"] == 1.0
    hidden = {name for name in record.answer.data.hidden_columns if name in ("wide.zeta", "wide.filler_0")}
    assert len(record.answer.data.hidden_columns) == 21
    assert scores["column_recall"] == 1 - len(hidden) / 2
    assert hidden
    assert "Not shown: wide." in record.scores["column_recall"].explanation


def test_the_needs_of_a_query_are_those_of_the_database():
    columns = (Column("id"), Column("Name"))
    schema = Schema((Table("singer", columns), Table("sales.orders", (Column("total"),))))
    query = "WITH singer AS (SELECT id FROM singer), x AS (SELECT 1 AS total) SELECT s.id FROM singer s, x"
    assert needed_parts(query, "sqlite", schema) == ({"singer"}, {("singer", "id")})
    query = 'SELECT O."total" FROM sales.orders AS O'
    assert needed_parts(query, "postgres", schema) == ({"sales.orders"}, {("sales.orders", "total")})
    query = "WITH singer AS (SELECT total FROM sales.orders) SELECT * FROM singer"
    assert needed_parts(query, "postgres", schema)[0] == {"sales.orders"}
