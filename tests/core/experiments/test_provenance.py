"""Which parts of what a result rests on have changed since."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.provenance import (
    BEHIND,
    describe_changes,
    describe_run_changes,
    list_changes,
    list_run_changes,
    models_basis,
    result_basis,
)
from llmopt_core.labs.prompts.search_setup import SearchSetup, search_basis
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example, Span, fingerprint

BODY: dict[str, Any] = {
    "name": "rag",
    "model": {"endpoint": "far", "name": "m"},
    "prompt": {
        "template": "{{ context }} {{ question }}",
        "few_shot": {"examples": [{"question": "a", "answer": "b"}]},
    },
    "retrieval": {"embedding": {"endpoint": "vectors", "model": "e"}, "top_k": 2},
}
ENDPOINTS = {
    "far": Endpoint(name="far", base_url="http://127.0.0.1:1/v1"),
    "vectors": Endpoint(name="vectors", base_url="http://127.0.0.1:2/v1"),
    "judges": Endpoint(name="judges", base_url="http://127.0.0.1:3/v1"),
}
JUDGE = JudgeSpec(endpoint="judges", model="grader")


def made(home: Path, **moved: str) -> Models:
    values = {name: ENDPOINTS[name].model_copy(update={"base_url": url}) for name, url in moved.items()}
    return Models(Settings(home=home), endpoints={**ENDPOINTS, **values})


def basis(home: Path, body: dict[str, Any] = BODY, *, questions: str = "q", documents: str = "d", **moved: str) -> Any:
    models = made(home, **moved)
    return result_basis(configuration_from(body), models, questions=questions, documents=documents, judge=JUDGE)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"questions": "other"}, "the questions have changed"),
        ({"documents": "other"}, "the documents have changed"),
        ({"body": {**BODY, "prompt": {**BODY["prompt"], "system": "Be brief."}}}, "the prompt has changed"),
        ({"body": {**BODY, "prompt": {"template": BODY["prompt"]["template"]}}}, "the few-shot examples have changed"),
        ({"body": {**BODY, "model": {"endpoint": "far", "name": "other"}}}, "the model has changed"),
        ({"body": {**BODY, "retrieval": {**BODY["retrieval"], "top_k": 3}}}, "the retrieval has changed"),
        ({"body": {**BODY, "checks": {"refuse_unsupported": True}}}, "the fact check has changed"),
        ({"far": "http://127.0.0.1:9/v1"}, "the address of far has changed"),
        ({"judges": "http://127.0.0.1:9/v1"}, "the address of judges has changed"),
        ({"vectors": "http://127.0.0.1:9/v1"}, "the address of vectors and the embedding model have changed"),
        (
            {"questions": "other", "documents": "other", "far": "http://127.0.0.1:9/v1"},
            "the questions, the documents and the address of far have changed",
        ),
        ({"body": {**BODY, "name": "other"}}, ""),
    ],
)
def test_what_has_changed_is_named(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert describe_changes(list_changes(basis(tmp_path), basis(tmp_path, **change))) == words


def test_what_only_one_side_knows_of_is_not_compared(tmp_path: Path) -> None:
    then = {"questions": "q"}
    assert list_changes(then, basis(tmp_path)) == ()
    gone = Models(Settings(home=tmp_path), endpoints={name: ENDPOINTS[name] for name in ("vectors", "judges")})
    now = result_basis(configuration_from(BODY), gone, questions="q", documents="d", judge=JUDGE)
    assert list_changes(basis(tmp_path), now) == ()


def test_the_weights_of_the_built_in_model_are_a_part(tmp_path: Path) -> None:
    plain = Configuration(name="plain")
    weights = tmp_path / "other.gguf"
    weights.write_bytes(b"GGUF other")
    before = result_basis(plain, Models(Settings(home=tmp_path), endpoints={}), questions="q", documents=None)
    after = result_basis(
        plain, Models(Settings(home=tmp_path, builtin_gguf=weights), endpoints={}), questions="q", documents=None
    )
    assert describe_changes(list_changes(before, after)) == "the weights of the built-in model have changed"


@pytest.fixture
def used(tmp_path: Path) -> tuple[Store, Project]:
    store = Store.open(Settings(home=tmp_path))
    project = store.create_project("p")
    store.save_version(project, "prompt", "plain", {"template": "{{ question }}"})
    store.save_evaluation_set(project, EvaluationSet("questions", (EXAMPLE,)))
    return store, project


EXAMPLE = Example("q", "How deep?", "9 m", (Span("harbour.md", 0, 4),), "what", {"tone": "wet"})


@pytest.mark.parametrize(
    "change",
    [
        {"question": "?"},
        {"reference": "3 m"},
        {"references": ()},
        {"category": "other"},
        {"variables": {"tone": "dry"}},
    ],
)
def test_whatever_a_question_says_is_a_part_of_a_search(
    used: tuple[Store, Project], tmp_path: Path, change: dict[str, Any]
) -> None:
    store, project = used
    setup = SearchSetup.model_validate({"variant": {"prompt": "plain"}, "set_name": "questions", "metric": "answer_f1"})
    models = made(tmp_path)
    before = search_basis(store, project, setup, models, documents="d")
    variant = dataclasses.replace(EXAMPLE, **change)
    store.save_evaluation_set(project, EvaluationSet("questions", (variant,)))
    assert list_changes(before, search_basis(store, project, setup, models, documents="d")) == ("questions",)


@pytest.mark.parametrize(
    ("given", "moved", "parts"),
    [
        ({}, {}, ()),
        ({"questions": "other"}, {}, ("questions",)),
        ({"documents": "other"}, {}, ("documents",)),
        ({}, {"far": "http://127.0.0.1:9/v1"}, ("address of far",)),
        ({"body": {**BODY, "retrieval": {"top_k": 7}}}, {}, ("retrieval",)),
        ({"questions": None, "saved": None}, {}, ()),
    ],
)
def test_a_run_knows_what_has_changed_since(
    used: tuple[Store, Project], tmp_path: Path, given: dict[str, Any], moved: dict[str, str], parts: tuple[str, ...]
) -> None:
    store, project = used
    configuration = configuration_from(BODY)
    options = {"judge": JUDGE.model_dump(mode="json"), BEHIND: models_basis(configuration, made(tmp_path), JUDGE)}
    run = store.run(
        store.start_run(project, configuration.model_dump(mode="json"), configuration.fingerprint, metrics=("m",),
                        evaluation_set="questions", set_version="q", judge=JUDGE.label, total=1, options=options,
                        documents_version="d")
    )  # fmt: skip
    body = given.get("body", BODY)
    version = store.save_configuration(project, "rag", body, fingerprint(body))
    result = list_run_changes(
        run, given.get("saved", version), given.get("questions", "q"), given.get("documents", "d"),
        made(tmp_path, **moved),
    )  # fmt: skip
    assert result == parts


def test_runs_are_named_with_what_has_changed_since_each() -> None:
    assert describe_run_changes({"a": (), "b": ()}) == ""
    text = describe_run_changes({"a": ("documents",), "b": ("documents",), "c": ("prompt", "address of far"), "d": ()})
    assert text == (
        "From an earlier state: the documents have changed since a, b ran; the prompt and the address of far have "
        "changed since c ran. Run again to measure what is there now."
    )
