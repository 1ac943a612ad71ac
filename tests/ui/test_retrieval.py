"""The retrieval page."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from llmopt_core.errors import EndpointError
from llmopt_core.experiments.configuration import configuration_from
from llmopt_core.experiments.training_sources import training_overlap
from llmopt_core.jobs.kind import JobKind
from llmopt_core.models.base import ChatRequest
from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example, Spec, fingerprint
from llmopt_ui import resources
from llmopt_ui.retrieval import inspection
from llmopt_ui.retrieval.charts import gold_colour, stage_labels
from llmopt_ui.retrieval.sides import Side, describe_differences
from llmopt_ui.theme import Ink, inks

App = Callable[..., AppTest]
PAGE = "pages/retrieval_lab.py"
HYBRID = {"chunking": {"size": 20}, "search": {"method": "hybrid"}, "top_k": 1}
PROMPT = {"template": "{{ context }}\nQuestion: {{ question }}"}


def words(test: AppTest) -> str:
    parts = [*test.title, *test.subheader, *test.caption, *test.markdown, *test.text, *test.warning, *test.expander]
    return "\n".join(str(getattr(part, "value", "") or getattr(part, "label", "")) for part in parts)


def html(test: AppTest) -> str:
    return "\n".join(str(block.proto.body) for block in test.get("html"))


def finish(test: AppTest) -> AppTest:
    for job in resources.store().jobs(active=True):
        resources.job_runner().wait(job.id, timeout=60)
    test.run()
    assert not test.exception
    return test


def save(store: Store, project: str, name: str, **changes: object) -> None:
    body = {"name": name, "model": {"mode": "chat"}, "prompt": PROMPT, "retrieval": HYBRID, **changes}
    store.save_configuration(project, name, body, fingerprint(body))


def reply(request: ChatRequest) -> str:
    text = request.messages[-1].content
    if "different wordings" in text or "other wordings" in text:
        return "harbour construction year"
    return "It was built in 1712 [1]." if "harbour built" in text else "The first snow [1]."


@pytest.fixture
def lab(store: Store, used: str, script: Callable[..., object]) -> str:
    """The used project with two configurations more: hybrid search, and with other wordings."""
    script(reply)
    save(store, used, "hybrid")
    save(store, used, "expanded", retrieval={**HYBRID, "transform": {"method": "multi-query", "n": 1}})
    return used


@pytest.fixture
def looked(app: App, lab: str) -> AppTest:
    """One question, looked up by both."""
    test = app(PAGE, project=lab, left="expanded", right="hybrid")
    assert not test.exception
    test.button(key="retrieval_look").click().run()
    return finish(test)


class Nothing(Spec):
    """What a job is asked that only waits."""


def test_a_look_does_not_wait_behind_two_evaluations(
    app: App, lab: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    go = threading.Event()
    runner = resources.job_runner()
    waiting = JobKind("evaluation", Nothing, lambda context, _: go.wait(60) and None, "Evaluating")
    monkeypatch.setitem(runner._kinds._kinds, "evaluation", waiting)
    long = [runner.submit("evaluation", lab, Nothing()) for _ in range(3)]
    try:
        test = app(PAGE, project=lab, left="expanded", right="hybrid")
        test.button(key="retrieval_look").click().run()
        (look,) = [job for job in store.jobs(lab) if job.kind == "retrieval-look"]
        assert runner.wait(look.id, timeout=60).status == "finished"
        assert all(store.job(job).active for job in long)
    finally:
        go.set()
        for job in long:
            runner.wait(job, timeout=60)


def test_the_sample_project_offers_its_first_look(app: App) -> None:
    test = app(PAGE)
    assert not test.exception
    assert test.selectbox(key="left").value == "rag-rerank"
    assert test.selectbox(key="right").value == "rag"
    assert test.button(key="retrieval_look").label == "Look it up"
    assert "prepares its index" in words(test)


def test_without_documents_or_configurations_it_says_what_to_do(app: App, store: Store) -> None:
    store.create_project("empty")
    test = app(PAGE, project="empty")
    assert not test.exception
    assert "No documents yet" in words(test)
    store.save_documents("empty", store.documents("sample"))
    test = app(PAGE, project="empty")
    assert "No configuration looks things up yet" in words(test)


def test_every_stage_is_shown_for_both_with_differences(looked: AppTest) -> None:
    text = words(looked)
    for title in ("Question transform", "Embedding", "Search", "Fusion", "Handed over"):
        assert f"**{title}**" in text
    assert "only here" in text
    assert "Searched with\\: Other wordings of the question → The question as it is" in text
    assert "Chunks that hold a source" in text
    assert "handed over" in text
    assert len(looked.get("plotly_chart")) == 2


def test_stages_open_as_tables(looked: AppTest) -> None:
    before = len(looked.dataframe)
    looked.session_state["stage_right_5"] = True
    looked.run()
    assert not looked.exception
    assert len(looked.dataframe) > before
    table = looked.dataframe[0].value
    assert list(table.columns)[:3] == ["Rank", "Source", "Score"]


def test_written_texts_can_be_changed_for_another_try(looked: AppTest) -> None:
    area = looked.text_area[0]
    assert area.value == "harbour construction year"
    area.set_value("lighthouses that still stand").run()
    looked.button(key="texts_use_left").click().run()
    finish(looked)
    assert "Written by hand" in words(looked)
    assert looked.text_area[0].value == "lighthouses that still stand"
    assert "lighthouses" in json.loads(looked.query_params["left_texts"])[1]
    looked.button(key="texts_back_left").click().run()
    assert looked.text_area[0].value == "harbour construction year"


def test_a_look_is_not_repeated(looked: AppTest, app: App, lab: str) -> None:
    jobs = len(resources.store().jobs())
    other = app(PAGE, project=lab, left="expanded", right="hybrid")
    assert not [button for button in other.button if button.key == "retrieval_look"]
    other.selectbox(key="right").set_value("Nothing").run()
    assert not other.exception
    assert len(other.get("plotly_chart")) == 1
    assert len(resources.store().jobs()) == jobs


def test_scores_and_map_are_drawn(app: App, looked: AppTest, lab: str) -> None:
    test = app(PAGE, project=lab, left="expanded", right="hybrid", retrieval_part="Scores and map")
    assert not test.exception
    assert len(test.get("plotly_chart")) == 4


def test_the_answer_cites_its_chunk_and_shows_the_prompt(app: App, looked: AppTest, lab: str) -> None:
    test = app(PAGE, project=lab, left="expanded", right="hybrid", retrieval_part="Prompt and answer")
    test.button(key="answer_left").click().run()
    assert not test.exception
    # The other side was handed the same chunk, so nothing is left to answer.
    assert not [button.key for button in test.button if button.label == "Answer it"]
    assert 'href="#chunk-left-1"' in html(test)
    assert 'id="chunk-left-1"' in html(test)
    assert "underline" in html(test)
    prompt = "\n".join(str(block.value) for block in test.code)
    assert '<passage source="folder/notes.txt">' in prompt
    again = app(PAGE, project=lab, left="expanded", right="hybrid", retrieval_part="Prompt and answer")
    assert 'href="#chunk-left-1"' in html(again)


def test_an_answer_from_kept_calls_tells_their_tokens(app: App, store: Store, lab: str) -> None:
    messages = {}
    # Another template that gives the same prompt: answered anew, by the call that is kept.
    same = {"template": PROMPT["template"].replace("{{ context }}", "{{context}}")}
    save(store, lab, "the same", prompt=same)
    for name in ("hybrid", "the same"):
        test = app(PAGE, project=lab, left=name, right="Nothing", retrieval_part="Prompt and answer")
        if name == "hybrid":
            test.button(key="retrieval_look").click().run()
            finish(test)
        test.button(key="answer_left").click().run()
        messages[name] = next(caption.value for caption in test.caption if "answer tokens" in caption.value)
    assert "0 prompt tokens" not in messages["hybrid"].partition("·")[0]
    assert messages["the same"].split(" · ")[:2] == messages["hybrid"].split(" · ")[:2]


def test_what_models_and_documents_say_is_never_html(
    app: App, store: Store, lab: str, script: Callable[..., object]
) -> None:
    script(lambda request: "<img src=x onerror=alert(1)> [1]")
    save(store, lab, "evil", retrieval=HYBRID)
    test = app(PAGE, project=lab, left="evil", right="Nothing", retrieval_part="Prompt and answer")
    test.button(key="retrieval_look").click().run()
    finish(test)
    test.button(key="answer_left").click().run()
    assert "&lt;img src=x" in html(test)
    assert "<img" not in html(test)


def test_a_stage_that_fell_back_warns(app: App, lab: str, script: Callable[..., object]) -> None:
    def down(request: ChatRequest) -> str:
        raise EndpointError("The endpoint builtin is down.", "server-error")

    script(down)
    test = app(PAGE, project=lab, left="expanded", right="Nothing")
    test.button(key="retrieval_look").click().run()
    finish(test)
    assert "The question itself is searched" in words(test)
    assert "Handed over" in words(test)
    test.run()
    assert "The question itself is searched" in words(test)


def test_ones_own_question_needs_no_set(app: App, looked: AppTest, lab: str) -> None:
    looked.text_input(key="own_question").set_value("Which boats bring cheese?").run()
    finish(looked)
    looked.button(key="retrieval_look").click().run()
    finish(looked)
    assert "No source is known for this question" in words(looked)
    test = app(PAGE, project=lab, left="hybrid", right="Nothing", own_question="Which boats bring cheese?")
    assert "**Which boats bring cheese?**" in words(test)


def test_other_settings_stand_in_the_address_and_are_saved_with_one_click(
    app: App, looked: AppTest, store: Store, lab: str
) -> None:
    changes = json.dumps({"search.method": "bm25", "top_k": 2})
    test = app(PAGE, project=lab, left="hybrid", right="hybrid", left_with=changes)
    assert not test.exception
    assert "Search\\: By words \\(BM25\\)" in words(test)
    assert "Chunks handed over\\: 2" in words(test)
    assert "search\\.method" not in words(test)
    test.button(key="left_save").click().run()
    assert not test.exception
    survivors = {item.name: item.spec for item in store.configurations(lab)}
    assert survivors["hybrid · bm25, top 2"]["retrieval"]["search"]["method"] == "bm25"
    assert test.selectbox(key="left").value == "hybrid · bm25, top 2"
    assert "left_with" not in test.query_params


def test_the_settings_dialog_changes_one_side(looked: AppTest) -> None:
    looked.button(key="right_settings").click().run()
    assert not looked.exception
    field = next(box for box in looked.selectbox if (box.key or "").startswith("edit_search_lab_right"))
    field.set_value("bm25").run()
    looked.button(key="retrieval_settings_use").click().run()
    assert not looked.exception
    assert json.loads(looked.query_params["right_with"]) == {"search.method": "bm25"}


@pytest.mark.parametrize("text", ["{broken", '{"search.magic": 1}'])
def test_an_address_that_cannot_be_read_is_one_sentence(app: App, lab: str, text: str) -> None:
    test = app(PAGE, project=lab, left="hybrid", left_with=text)
    assert not test.exception
    assert "cannot be read" in words(test) or "search.magic" in words(test)


def test_the_whole_set_is_measured_by_a_job(app: App, lab: str) -> None:
    test = app(PAGE, project=lab, left="hybrid", right="rag", retrieval_view="Whole set")
    assert not test.exception
    test.button(key="start_retrieval-measure").click().run()
    finish(test)
    assert "After each stage, among its first 5 chunks" in words(test)
    assert len(test.get("plotly_chart")) == 3
    assert {"Recall", "Time per question"} <= set(test.table[0].value.columns)


def test_routing_shows_its_confusion(app: App, store: Store, lab: str) -> None:
    examples = [
        {"question": "When was the station built?", "category": "when"},
        {"question": "What closes the quay?", "category": "what"},
    ]
    save(store, lab, "routed", retrieval={**HYBRID, "routing": {"method": "nearest", "examples": examples}})
    test = app(PAGE, project=lab, left="routed", right="Nothing", retrieval_view="Whole set")
    test.button(key="start_retrieval-measure").click().run()
    finish(test)
    assert "Routing of routed" in words(test)
    assert "labelled questions are taken for what they are" in words(test)


def chosen_on(store: Store, project: str, spec: dict[str, object]) -> int:
    """Questions of the project's set that chose a setting of the configuration."""
    (item,) = store.evaluation_sets(project)
    examples = store.evaluation_set(project, item.name).examples
    return training_overlap(store, project, configuration_from(spec), examples).chosen


def test_leave_one_out_tells_what_to_drop_and_saves_the_rest(app: App, store: Store, lab: str) -> None:
    test = app(PAGE, project=lab, left="expanded", right="Nothing", retrieval_view="Leave one out")
    test.button(key="start_leave-one-out").click().run()
    finish(test)
    text = words(test)
    for part in ("other wordings of the question", r"search by words \(BM25\)", r"search by meaning \(dense\)"):
        assert f"**{part}**" in text
    assert not re.search(r"multi.?-query|without (bm25|dense)", text)
    assert len(test.get("plotly_chart")) == 1
    test.button(key="ablation_save_0").click().run()
    assert not test.exception
    survivors = {item.name: item.spec for item in store.configurations(lab)}
    assert survivors["expanded without multi-query"]["retrieval"]["transform"]["method"] == "none"
    assert chosen_on(store, lab, survivors["expanded without multi-query"]) > 0
    assert chosen_on(store, lab, survivors["expanded"]) == 0


def test_a_plain_search_has_nothing_to_leave_out(app: App, lab: str) -> None:
    test = app(PAGE, project=lab, left="rag", right="Nothing", retrieval_view="Leave one out")
    assert not test.exception
    assert "Nothing to leave out" in words(test)


def test_more_chunks_are_tried_and_the_best_is_saved(app: App, store: Store, lab: str) -> None:
    test = app(PAGE, project=lab, left="hybrid", right="Nothing", retrieval_view="More chunks")
    test.multiselect(key="sweep_ks").set_value([1, 3]).run()
    test.button(key="start_chunk-count-sweep").click().run()
    finish(test)
    assert "**No difference**: on 12 questions Answer F1 is the same with 1 to 3 chunks" in words(test)
    assert "best" not in "".join(test.table[0].value["Chunks"])
    assert len(test.get("plotly_chart")) == 1
    button = next(one for one in test.button if (one.key or "").startswith("k_save_"))
    button.click().run()
    assert not test.exception
    (items,) = (item for item in store.configurations(lab) if item.name.startswith("hybrid k="))
    assert chosen_on(store, lab, items.spec) == 12


def test_a_failed_job_says_why_and_can_be_started_again(app: App, lab: str, script: Callable[..., object]) -> None:
    def down(request: ChatRequest) -> str:
        raise EndpointError("The endpoint builtin is down.", "server-error")

    script(down)
    test = app(PAGE, project=lab, left="hybrid", right="Nothing", retrieval_view="More chunks")
    test.multiselect(key="sweep_ks").set_value([1]).run()
    test.button(key="start_chunk-count-sweep").click().run()
    finish(test)
    assert "The endpoint builtin is down." in words(test)
    assert test.button(key="start_chunk-count-sweep").label == "Hand over more chunks"


def open_settings(app: App, project: str, name: str) -> AppTest:
    test = app(PAGE, project=project, left=name, right="Nothing")
    return test.button(key="left_settings").click().run()


def field(widgets: object, start: str) -> object:
    return next(widget for widget in widgets if (widget.key or "").startswith(start))  # type: ignore[attr-defined]


def test_the_finer_settings_can_be_changed(app: App, lab: str) -> None:
    test = open_settings(app, lab, "hybrid")
    field(test.number_input, "edit_threshold_lab_left").set_value(0.2)
    field(test.number_input, "edit_mmr_lab_left").set_value(0.7)
    field(test.text_input, "edit_filters_lab_left").set_value('{"language": "en"}')
    field(test.selectbox, "edit_routing_lab_left").set_value("nearest").run()
    field(test.text_area, "edit_routes_lab_left").set_value("when: {top_k: 4}")
    field(test.selectbox, "edit_labelled_lab_left").set_value("questions").run()
    test.button(key="retrieval_settings_use").click().run()
    assert not test.exception
    changes = json.loads(test.query_params["left_with"])
    assert (changes["search.threshold"], changes["search.mmr"]) == (0.2, 0.7)
    assert changes["search.filters"] == {"language": "en"}
    assert changes["routing"]["routes"]["when"]["top_k"] == 4
    assert {one["category"] for one in changes["routing"]["examples"]} == {"when", "what", "why"}


def test_who_writes_the_texts_and_its_prompt_can_be_changed(app: App, lab: str) -> None:
    test = open_settings(app, lab, "expanded")
    field(test.number_input, "edit_transform_n_lab_left").set_value(2)
    field(test.text_area, "edit_transform_prompt_").set_value("Say it otherwise: {{ question }}").run()
    test.button(key="retrieval_settings_use").click().run()
    assert not test.exception
    changes = json.loads(test.query_params["left_with"])
    assert changes == {"transform.n": 2, "transform.prompt": "Say it otherwise: {{ question }}"}


def test_the_prompt_of_an_llm_reranker_and_who_routes_can_be_changed(app: App, lab: str, store: Store) -> None:
    examples = [{"question": "When?", "category": "when"}, {"question": "Who?", "category": "who"}]
    asks = {**HYBRID, "rerank": {"method": "llm-listwise"}, "routing": {"method": "llm", "examples": examples}}
    save(store, lab, "asking", retrieval=asks)
    test = open_settings(app, lab, "asking")
    assert "Order the passages" in field(test.text_area, "edit_rerank_prompt_").value
    assert "Write only the category" in field(test.text_area, "edit_routing_prompt_").value
    field(test.text_area, "edit_rerank_prompt_").set_value("Best of {{ passages }} for {{ question }}")
    field(test.text_input, "edit_model_routing_").set_value("sorter").run()
    test.button(key="retrieval_settings_use").click().run()
    assert not test.exception
    changes = json.loads(test.query_params["left_with"])
    assert changes["rerank.prompt"] == "Best of {{ passages }} for {{ question }}"
    assert (changes["routing"]["model"]["name"], changes["routing"]["prompt"]) == ("sorter", "")
    assert set(changes) == {"rerank.prompt", "routing"}


def test_a_filter_that_cannot_be_read_is_told(app: App, lab: str) -> None:
    test = open_settings(app, lab, "hybrid")
    field(test.text_input, "edit_filters_lab_left").set_value("language").run()
    assert not test.exception
    assert "The filter on document metadata cannot be read" in words(test)


def test_a_filter_on_an_unknown_field_hides_only_its_side(app: App, lab: str) -> None:
    wrong = json.dumps({"search.filters": {"author": "Ann"}})
    test = app(PAGE, project=lab, left="expanded", left_with=wrong, right="hybrid")
    test.button(key="retrieval_look").click().run()
    finish(test)
    text = words(test)
    assert "expanded*: The filter asks for 'author', which no document has; there is: document" in text
    assert "**hybrid**" in text
    assert "Handed over" in text
    assert len(test.get("plotly_chart")) == 1
    # The side is quick to look at now; the same filter is told again, and the other side stays.
    test.button(key="look_again_left").click().run()
    finish(test)
    test.button(key="left_undo").click().run()
    test.button(key="retrieval_look").click().run()
    finish(test)
    assert "which no document has" not in words(test)
    assert len(test.get("plotly_chart")) == 2


def test_settings_that_only_one_side_has_are_told_apart_by_name() -> None:
    asks = {"method": "llm-likelihood", "llm": {"endpoint": "far"}, "candidates": 5}
    specs = [HYBRID, {**HYBRID, "rerank": asks}]
    results = [configuration_from({"name": "a", "model": {}, "prompt": PROMPT, "retrieval": spec}) for spec in specs]
    pair = [Side(place, one, one, {}, inks(["a"])["a"]) for place, one in zip(("left", "right"), results, strict=True)]
    there, back = describe_differences(pair), describe_differences(pair[::-1])
    assert "LLM of the reranker, endpoint: none → far" in there
    assert "LLM of the reranker, endpoint: far → none" in back
    assert "Candidates of the reranker: none → 5" in there
    assert not any("none → none" in told for told in [*there, *back])


def test_how_a_transform_writes_is_no_difference_where_only_one_side_has_one() -> None:
    asks = {"method": "hyde", "n": 7, "model": {"endpoint": "far"}}
    specs = [HYBRID, {**HYBRID, "transform": asks, "top_k": 4}]
    results = [configuration_from({"name": "a", "model": {}, "prompt": PROMPT, "retrieval": spec}) for spec in specs]
    pair = [Side(place, one, one, {}, inks(["a"])["a"]) for place, one in zip(("left", "right"), results, strict=True)]
    assert describe_differences(pair) == [
        "Searched with: The question as it is → HyDE: invented passages",
        "Chunks handed over: 1 → 4",
    ]


def test_an_address_shows_the_same_when_something_is_added_later(app: App, store: Store, lab: str) -> None:
    test = app(PAGE, project=lab)
    address = {name: values[0] if isinstance(values, list) else values for name, values in test.query_params.items()}
    before = [test.selectbox(key=key).value for key in ("left", "right", "asked_set", "asked")]
    assert [address[key] for key in ("left", "right", "asked_set", "asked")] == before
    save(store, lab, "a later one")
    store.save_evaluation_set(lab, EvaluationSet("later", (Example("z", "Later?"),)))
    again = app(PAGE, **address)
    assert [again.selectbox(key=key).value for key in ("left", "right", "asked_set", "asked")] == before


def test_models_are_loaded_while_the_question_is_chosen(app: App, lab: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[str] = []
    monkeypatch.setattr(inspection, "load_ahead", lambda configuration, _: begun.append(configuration.name))
    test = app(PAGE, project=lab, left="hybrid", right="expanded")
    test.run()
    # The other one asks a chat model, and is not looked at before it is asked for.
    assert begun == ["hybrid"]


def test_a_single_number_of_chunks_is_not_called_best(app: App, lab: str) -> None:
    test = app(PAGE, project=lab, left="hybrid", right="Nothing", retrieval_view="More chunks")
    test.multiselect(key="sweep_ks").set_value([2]).run()
    test.button(key="start_chunk-count-sweep").click().run()
    finish(test)
    assert "Answer F1 with **2 chunks**; choose more numbers to compare." in words(test)


def test_many_stages_have_one_line_each_below_an_axis() -> None:
    few = ["dense", "fusion (rrf)", "late-interaction"]
    assert stage_labels(few) == ["by meaning", "fusion by<br>ranks", "word by word"]
    many = [*few, *(f"bm25: What is <b> about text {number}?" for number in range(4))]
    assert stage_labels(many)[:2] == ["by meaning", "fusion by ranks"]
    assert stage_labels(many)[3] == "by words: What is &lt;…"


def test_gold_has_a_colour_that_neither_side_has() -> None:
    colours = ("#009E73", "#CC79A7", "#D55E00", "#56B4E9")
    for one in colours:
        for other in colours:
            assert gold_colour([Ink(one), Ink(other)]) not in (one, other)
    assert gold_colour([Ink("#D55E00")]) == "#009E73"


def test_a_question_longer_than_the_window_is_told(app: App, lab: str) -> None:
    long = " ".join(f"When was harbour number {n} of the town built?" for n in range(60))
    test = app(PAGE, project=lab, left="hybrid", right="hybrid", own_question=long)
    test.button(key="retrieval_look").click().run()
    finish(test)
    assert "The question is longer than the 510 tokens" in words(test)


@pytest.mark.parametrize("view", ["Whole set", "Leave one out", "More chunks"])
def test_questions_longer_than_the_window_are_told_before_a_whole_set(
    app: App, store: Store, lab: str, view: str
) -> None:
    long = " ".join(f"When was harbour number {n} of the town built?" for n in range(60))
    versions = store.evaluation_sets(lab)[0].name
    questions = store.evaluation_set(lab, versions)
    store.save_evaluation_set(lab, replace(questions, examples=(replace(questions.examples[0], question=long),)))
    test = app(PAGE, project=lab, left="hybrid", right="hybrid", retrieval_view=view)
    assert "The question is longer than the 510 tokens" in words(test)


def test_texts_in_an_address_that_are_nested_too_deeply_count_as_none(looked: AppTest) -> None:
    looked.query_params["left_texts"] = "[" * 5_000
    looked.run()
    assert not looked.exception
    assert looked.text_area[0].value == "harbour construction year"
