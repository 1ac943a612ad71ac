"""promptfoo files become configurations, examples and checks, and go back."""

import json
from pathlib import Path

import pytest
import yaml

from llmopt_core.answering.answer import answer_question
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.check import (
    AssertionSpec,
    assertions_of,
    build_assertions,
    threshold_of,
    verdict,
)
from llmopt_core.evaluation.judges.judge import JudgeSpec
from llmopt_core.evaluation.sample import Sample
from llmopt_core.experiments.configuration import Configuration
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.interop.promptfoo.assertions import assertions_from
from llmopt_core.interop.promptfoo.exporter import experiment_files, export_promptfoo
from llmopt_core.interop.promptfoo.importer import import_promptfoo
from llmopt_core.interop.promptfoo.providers import ECHO, model_from, register_echo
from llmopt_core.models.base import ModelSpec
from llmopt_core.models.endpoints import Endpoint
from llmopt_core.models.registry import Models
from llmopt_core.models.scripted import HashEmbedder, ScriptedChat
from llmopt_core.prompts.spec import FewShotSpec, PromptSpec
from llmopt_core.prompts.template import render
from llmopt_core.retrieval.spec import RetrievalSpec
from llmopt_core.settings import Settings
from llmopt_core.types import EvaluationSet, Example

EXAMPLES = Path(__file__).parents[2] / "data" / "promptfoo"


@pytest.fixture
def models(tmp_path):
    models = Models(Settings(home=tmp_path), endpoints={})
    models.register_embedder("all-MiniLM-L6-v2", HashEmbedder())
    register_echo(models)
    return models


async def run_all(imported, models):
    """Name of each test -> passed, failed or not run, for the first configuration."""
    configuration = imported.configurations[0]
    verdicts = {}
    for example in imported.evaluation_set.examples:
        answer = await answer_question(example, None, configuration.prompt, configuration.model, models)
        specs = assertions_of(example)
        checks = build_assertions(specs, imported.judge, models)
        scores = [(await check.score(Sample(example, answer)))[0] for check in checks]
        verdicts[example.id] = verdict(specs, scores, threshold_of(example))
    return verdicts


def grade(request):
    """A judge that finds one invented policy, and nothing else, at fault."""
    good = "30 EUR" not in request.messages[-1].content
    return json.dumps({"passed": good, "score": 0.9 if good else 0.1, "reason": "read it"})


async def test_the_support_example_runs_with_the_echo_provider(models):
    result = import_promptfoo(EXAMPLES / "eval-customer-support-rubric")
    assert result.not_run == ()
    assert ECHO in {configuration.model.endpoint for configuration in result.configurations}
    assert result.judge.name == "gpt-4.1-mini on openai"
    models.register("openai", ScriptedChat(grade))
    verdicts = await run_all(result, models)
    assert len(verdicts) == 8
    assert verdicts.pop("ES billing reply with an invented policy") is False
    assert set(verdicts.values()) == {True}
    example = result.evaluation_set.examples[0]
    assert (example.question[:20], example.category) == ("Me cobraron dos vece", "high")


async def test_the_rag_example_imports_and_its_unsupported_tests_are_not_run(models):
    result = import_promptfoo(EXAMPLES / "eval-rag")
    first, second = result.not_run
    assert (first.kind, first.name) == ("test", "test 1")
    assert first.reasons == ("the assertion 'context-relevance': this kind is not supported",)
    assert "docs/maternity.md is not there" in second.reasons[0]
    assert [c.type for c in assertions_of(result.evaluation_set.examples[0])] == [
        "contains", "llm-rubric", "metric", "metric", "unsupported", "metric"
    ]  # fmt: skip
    models.register("openai", ScriptedChat(lambda request: "Everything over $500 needs the manager."))
    assert set((await run_all(result, models)).values()) == {None}


async def test_the_grading_example_names_the_javascript_per_test(models):
    result = import_promptfoo(EXAMPLES / "eval-self-grading")
    assert [c.name for c in result.configurations] == ["prompts.txt 1", "prompts.txt 2"]
    assert result.configurations[0].model == ModelSpec(endpoint="openai", name="gpt-5.2", mode="chat", max_tokens=1024)
    assert [n.reasons for n in result.not_run] == [("the assertion 'javascript': this kind is not supported",)] * 2
    assert "need an LLM as judge" in result.warnings[0]
    models.register("openai", ScriptedChat(lambda request: "Of course!"))
    assert set((await run_all(result, models)).values()) == {None}


async def test_the_examples_csv_runs_as_tests(models, tmp_path):
    folder = tmp_path / "grading"
    folder.mkdir()
    for name in ("prompts.txt", "tests.csv"):
        (folder / name).write_text((EXAMPLES / "eval-self-grading" / name).read_text())
    config = {"prompts": ["file://prompts.txt"], "providers": ["openai:chat:gpt-5.2"], "tests": "file://tests.csv",
              "defaultTest": {"options": {"provider": "openai:gpt-5.2"}}}  # fmt: skip
    (folder / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    result = import_promptfoo(folder)
    assert len(result.evaluation_set.examples) == 10
    models.register("openai", ScriptedChat(lambda r: grade(r) if "Rubric" in r.messages[-1].content else "Hello!"))
    assert list((await run_all(result, models)).values()) == [True] * 10


def mapped(assertion, grader=None):
    (check,) = assertions_from((assertion,), grader)
    return check.model_dump(exclude_defaults=True)


@pytest.mark.parametrize(
    ("assertion", "check"),
    [
        ({"type": "contains", "value": 5}, {"type": "contains", "value": "5"}),
        ({"type": "icontains", "value": "a"}, {"type": "contains", "value": "a", "case_sensitive": False}),
        ({"type": "not-contains", "value": "a"}, {"type": "contains", "value": "a", "negate": True}),
        ({"type": "contains-any", "value": "a, b"}, {"type": "contains-any", "value": ["a", "b"]}),
        ({"type": "not-icontains-all", "value": ["a", 1]},
         {"type": "contains-all", "value": ["a", "1"], "case_sensitive": False, "negate": True}),
        ({"type": "equals", "value": {"a": 1}}, {"type": "equals", "value": {"a": 1}}),
        ({"type": "regex", "value": r"\d+"}, {"type": "regex", "value": r"\d+"}),
        ({"type": "is-json"}, {"type": "is-json"}),
        ({"type": "is-json", "value": '{"type": "array"}'}, {"type": "json-schema", "value": {"type": "array"}}),
        ({"type": "similar", "value": "a"}, {"type": "similar", "value": "a", "threshold": 0.75}),
        ({"type": "latency", "threshold": 500}, {"type": "latency", "threshold": 0.5}),
        ({"type": "cost", "threshold": 0.01}, {"type": "cost", "threshold": 0.01}),
        ({"type": "word-count", "value": 5}, {"type": "length", "value": {"min": 5, "max": 5, "unit": "words"}}),
        ({"type": "word-count", "value": "{min: 2}"}, {"type": "length", "value": {"min": 2, "unit": "words"}}),
        ({"type": "llm-rubric", "value": "kind", "metric": "tone", "weight": 2, "threshold": 0.8},
         {"type": "llm-rubric", "value": "kind", "name": "tone", "weight": 2.0, "threshold": 0.8}),
        ({"type": "context-faithfulness", "threshold": 0.9},
         {"type": "metric", "value": "faithfulness", "threshold": 0.9}),
    ],
)  # fmt: skip
def test_assertions_become_checks(assertion, check):
    assert mapped(assertion) == check


@pytest.mark.parametrize(
    ("assertion", "reason"),
    [
        ({"type": "javascript", "value": "output.length"}, "'javascript': this kind is not supported"),
        ({"type": "not-python", "value": "x"}, "'not-python': this kind is not supported"),
        ({}, "this kind is not supported"),
        ({"type": "contains"}, "needs a text"),
        ({"type": "contains", "value": True}, "needs a text"),
        ({"type": "contains", "value": ""}, "needs a text"),
        ({"type": "regex", "value": "(?<x"}, "regular expression"),
        ({"type": "latency"}, "needs a number"),
        ({"type": "latency", "threshold": "fast"}, "needs a number"),
        ({"type": "is-json", "value": "{a: ["}, "neither JSON nor YAML"),
        ({"type": "is-json", "value": {"type": "objekt"}}, "valid JSON schema"),
        ({"type": "contains", "value": "a", "transform": "output.trim()"}, "'transform'"),
        ({"type": "llm-rubric", "value": "a", "provider": "other"}, "grader of its own"),
        ({"type": "llm-rubric", "value": "a", "rubricPrompt": "x"}, "'rubricPrompt'"),
        ({"type": "similar", "value": ["a", "b"]}, "needs a text"),
        ({"type": "assert-set", "threshold": 0.5, "assert": []}, "'assert-set': this kind is not supported"),
        ({"type": "word-count", "value": "many"}, "'min', 'max'"),
        ({"type": "context-recall", "value": "{{ x }}", "threshold": 1}, "template"),
        ({"type": "contains", "value": "a", "weight": -1}, "greater than or equal to 0"),
    ],
)
def test_what_has_no_counterpart_is_kept_as_a_check_that_cannot_pass(assertion, reason):
    result = mapped(assertion)
    assert result["type"] == "unsupported"
    assert reason in result["value"]["reason"]
    assert result["value"]["assertion"] == assertion


def test_a_set_of_assertions_that_must_all_pass_is_taken_apart():
    inner = ({"type": "is-json"}, {"type": "contains", "value": "a"})
    assert assertions_from(({"type": "assert-set", "assert": list(inner)},), None) == assertions_from(inner, None)


@pytest.mark.parametrize(
    ("fields", "weighed", "reason"),
    [
        ({"threshold": 0.5}, False, "with a threshold"),
        ({}, True, "weighed against others"),
        ({"weight": 0}, False, "weighed against others"),
        ({"config": {}}, False, "its 'config'"),
        ({"assert": "x"}, False, "needs a list"),
    ],
)
def test_a_set_that_cannot_be_taken_apart_is_not_run(fields, weighed, reason):
    assertion = {"type": "assert-set", "assert": [{"type": "contains", "value": "a"}], **fields}
    (check,) = assertions_from((assertion,), None, has_threshold=weighed)
    assert check.type == "unsupported"
    assert reason in check.value["reason"]


def test_a_prompt_that_needs_what_no_test_has_is_not_run(tmp_path):
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['{{ x }}', 'Key {{ env.KEY }}', '{{ gone }}', '{{ gone | default(1) }}']\nproviders: [echo]\n"
        "scenarios: [{}]\ntests: [{vars: {x: a}}]\n"
    )
    result = import_promptfoo(tmp_path)
    assert [c.prompt.template for c in result.configurations] == ["{{ x }}", "{{ gone | default(1) }}"]
    assert [(e.kind, e.reasons[0].split(";")[0]) for e in result.not_run] == [
        ("tests", "'scenarios' is not supported"),
        ("prompt", "uses 'env'"),
        ("prompt", "uses 'gone', which no test has"),
    ]


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ({"id": "openai:gpt-4o"}, {"endpoint": "openai", "name": "gpt-4o", "mode": "chat"}),
        ({"id": "openai:completion:d:ft:x"}, {"endpoint": "openai", "name": "d:ft:x", "mode": "completion"}),
        ({"id": "ollama:chat:llama3:8b"}, {"endpoint": "ollama", "name": "llama3:8b", "mode": "chat"}),
        ({"id": "azureopenai:chat:dep"}, {"endpoint": "azure", "name": "dep", "mode": "chat"}),
        ({"id": "openai:x", "config": {"temperature": 0.5, "max_tokens": 9, "seed": 1, "stop": "END", "top_p": 0.9}},
         {"endpoint": "openai", "name": "x", "mode": "chat", "temperature": 0.5, "max_tokens": 9, "seed": 1,
          "stop": ("END",), "top_p": 0.9}),
    ],
)  # fmt: skip
def test_providers_become_models(provider, model):
    found, _ = model_from(provider)
    assert found.model_dump(exclude_defaults=True) == {"max_tokens": 1024, **model}


@pytest.mark.parametrize(
    ("provider", "reason"),
    [
        ({"id": "anthropic:messages:claude"}, "OpenAI-compatible"),
        ({"id": "openai:responses:gpt-5"}, "'responses'"),
        ({"id": "openai"}, "OpenAI-compatible"),
        ({"id": "file://p.py", "problem": "is code"}, "is code"),
        ({"id": "openai:x", "config": {"tools": []}}, "'tools'"),
        ({"id": "openai:x", "config": {"temperature": 9}}, "'temperature'"),
        ({"id": "openai:x", "config": {"apiBaseUrl": "nonsense"}}, "web address"),
        ({"id": "openai:x", "transform": "json"}, "'transform'"),
        ({"id": "openai:x", "config": 5}, "not a mapping"),
    ],
)
def test_other_providers_are_named(tmp_path, provider, reason):
    config = {"prompts": ["hi"], "providers": [{"id": "echo"}, provider], "tests": []}
    if "problem" in provider:
        (tmp_path / "p.py").write_text("x")
        config["providers"][1] = provider["id"]
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    result = import_promptfoo(tmp_path)
    assert [c.model.endpoint for c in result.configurations] == ["echo"]
    (entry,) = result.not_run
    assert entry.kind == "provider"
    assert reason in entry.reasons[0]


def test_a_key_in_the_file_is_not_read_and_no_key_goes_to_a_strangers_address(tmp_path):
    provider = {"id": "openai:chat:x", "config": {"apiKey": "sk-secret", "apiBaseUrl": "https://else.where/v1",
                                                 "apiKeyEnvar": "OPENAI_API_KEY"}}  # fmt: skip
    config = {"prompts": ["hi"], "providers": [provider], "env": {"OPENAI_API_KEY": "sk-other"}}
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    result = import_promptfoo(tmp_path)
    (endpoint,) = result.endpoints.values()
    assert (endpoint.base_url, endpoint.api_key_env) == ("https://else.where/v1", "")
    assert "name its variable in Settings" in " ".join(result.warnings)
    assert "'env' is not supported" in result.warnings
    assert "sk-" not in repr(result)


def test_a_provider_may_take_only_some_prompts(tmp_path):
    config = {
        "prompts": [{"raw": "A", "label": "a"}, {"raw": "B", "label": "g:b"}],
        "providers": [{"id": "echo", "prompts": ["a"]}, {"id": "openai:x", "prompts": ["g"]}, "openai:y"],
    }
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    names = [c.name for c in import_promptfoo(tmp_path).configurations]
    assert names == ["a · echo", "a · openai:y", "g:b · openai:x", "g:b · openai:y"]


@pytest.mark.parametrize("config", [{"prompts": ["hi"]}, {"prompts": ["{{ x"], "providers": ["echo"]},
                                    {"prompts": ["hi"], "providers": ["cohere:x"]}])  # fmt: skip
def test_nothing_that_can_run_is_an_error(tmp_path, config):
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(BadInput, match=r"Nothing in .* can be run here"):
        import_promptfoo(tmp_path)


def test_a_variable_with_a_taken_name_makes_its_test_not_run(tmp_path):
    config = {"prompts": ["hi"], "providers": ["echo"], "tests": [{"vars": {"checks": "x"}}]}
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    (entry,) = import_promptfoo(tmp_path).not_run
    assert "'checks' is taken" in entry.reasons[0]


SERVER = Endpoint(name="local", base_url="http://localhost:9/v1", api_key_env="LOCAL_KEY", default_model="m")
CHECKS = [
    AssertionSpec(type="contains", value="{{ reference }}", case_sensitive=False, negate=True),
    AssertionSpec(type="json-schema", value={"type": "object"}, weight=2),
    AssertionSpec(type="latency", threshold=1.5, name="fast"),
    AssertionSpec(type="length", value={"max": 9, "unit": "words"}),
    AssertionSpec(type="metric", value="faithfulness", threshold=0.5),
    AssertionSpec(type="unsupported", value={"reason": "the assertion 'javascript': this kind is not supported",
                                         "assertion": {"type": "javascript", "value": "output.length"}}),
]  # fmt: skip


def exported(tmp_path, configurations, examples, judge=None, **more):
    result = export_promptfoo(
        configurations, EvaluationSet("set", tuple(examples)), judge or JudgeSpec(), {"local": SERVER}, **more
    )
    (tmp_path / "promptfooconfig.yaml").write_text(result.text, encoding="utf-8")
    return result, import_promptfoo(tmp_path)


def test_what_is_exported_comes_back(tmp_path):
    shots = FewShotSpec(examples=({"question": "1+1? {{ raw }}", "answer": "2 {% x %}"},))
    chat = PromptSpec(system="Be {{ tone }}.", template='Q: "{{ question }}"', few_shot=shots)
    configurations = [
        Configuration(name="chat", model=ModelSpec(endpoint="local", max_tokens=77, stop=("\n",)), prompt=chat),
        Configuration(name="plain", model=ModelSpec(endpoint="openai", name="gpt-x", seed=3), prompt=PromptSpec()),
    ]
    example = Example("e 1", "Wer? {{ x }}", "Bob", category="who", variables={
        "tone": "kind", "items": [1, 2], "checks_threshold": 0.5,
        "checks": [c.model_dump(mode="json", exclude_defaults=True) for c in CHECKS],
    })  # fmt: skip
    found, back = exported(tmp_path, configurations, [example], JudgeSpec(endpoint="openai", model="big"))
    assert found.omissions == ()
    assert back.judge.name == "big on openai"
    assert [(c.name, c.model.name, c.model.max_tokens) for c in back.configurations] == [
        ("chat · openai:chat:m", "m", 77), ("plain · openai:chat:gpt-x", "gpt-x", 256)
    ]  # fmt: skip
    again = back.configurations[0].prompt
    assert (again.system, again.template) == (chat.system, chat.template)
    assert back.configurations[0].model.stop == ("\n",)
    (test,) = back.evaluation_set.examples
    assert (test.id, test.question, test.category) == ("e 1", "Wer? {{ x }}", "who")
    assert (test.variables["items"], test.variables["tone"], test.variables["reference"]) == ([1, 2], "kind", "Bob")
    assert assertions_of(test) == tuple(CHECKS)
    assert threshold_of(test) == 0.5


def test_the_same_prompt_with_two_models_is_written_once(tmp_path):
    models = (ModelSpec(endpoint="openai", name=name) for name in "ab")
    configurations = [Configuration(name=m.name, model=m, prompt=PromptSpec()) for m in models]
    found, back = exported(tmp_path, configurations, [Example("1", "q")])
    assert len(yaml.safe_load(found.text)["prompts"]) == 1
    assert [c.model.name for c in back.configurations] == ["a", "b"]


def test_a_completion_prompt_is_written_as_one_text(tmp_path):
    shots = FewShotSpec(examples=({"question": "1+1", "answer": "2"},))
    prompt = PromptSpec(system="Sum.", template="Q: {{ question }}\nA:", few_shot=shots)
    model = ModelSpec(endpoint="local", mode="completion")
    _, back = exported(tmp_path, [Configuration(name="c", model=model, prompt=prompt)], [Example("1", "q")])
    (result,) = back.configurations
    assert result.prompt.template == "Sum.\n\nQ: 1+1\nA: 2\n\nQ: {{ question }}\nA:"
    assert result.model.mode == "completion"


def test_what_promptfoo_does_not_know_is_left_out_by_name(tmp_path):
    openai = ModelSpec(endpoint="openai", name="x")
    near = PromptSpec(few_shot=FewShotSpec(examples=({"answer": "a"},), select="nearest"))
    configurations = [
        Configuration(name="good", model=openai),
        Configuration(name="local", model=ModelSpec()),
        Configuration(name="rag", model=openai, retrieval=RetrievalSpec()),
        Configuration(name="think", model=openai, prompt=PromptSpec(extract="(?P<answer>.*)")),
        Configuration(name="near", model=openai, prompt=near),
    ]
    checks = [
        AssertionSpec(type="length", value={"max": 5}),
        AssertionSpec(type="regex", value="a", case_sensitive=False),
    ]
    found, back = exported(tmp_path, configurations, [Example("1", "q")], assertions=checks)
    assert [c.name for c in back.configurations] == ["good"]
    for word in ("local: the built-in", "rag: it has retrieval", "think: it has an extraction", "near: its few-shot",
                 "all tests: promptfoo has no assertion for a length in characters", "without case"):  # fmt: skip
        assert word in "\n".join(found.omissions)
    with pytest.raises(BadInput, match="None of the configurations"):
        exported(tmp_path, configurations[1:], [Example("1", "q")])


def test_an_import_can_be_kept_as_an_experiment(tmp_path):
    config = {
        "prompts": ["Say {{ word }}"],
        "providers": ["ollama:chat:m"],
        "tests": [{"description": "one", "vars": {"word": "hi"}, "threshold": 0.5,
                   "assert": [{"type": "contains", "value": "hi"}]}],
    }  # fmt: skip
    (tmp_path / "promptfooconfig.yaml").write_text(yaml.safe_dump(config))
    result = import_promptfoo(tmp_path, name="words")
    for name, text in experiment_files(result).items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    experiment = load_experiment(tmp_path / "experiment.yaml")
    assert experiment.configurations == result.configurations
    assert experiment.endpoints == result.endpoints
    (example,) = experiment.evaluation_set.examples
    assert (example.id, example.question, example.variables["word"]) == ("one", "hi", "hi")
    assert assertions_of(example) == (AssertionSpec(type="contains", value="hi"),)
    assert threshold_of(example) == 0.5


def written(folder, config, **files):
    folder.mkdir(exist_ok=True)
    for name, text in {"promptfooconfig.yaml": config, **files}.items():
        (folder / name.replace("_DOT_", ".")).write_text(text, encoding="utf-8")
    return folder


async def test_values_reach_checks_and_prompts_as_promptfoo_writes_them(tmp_path, models):
    folder = written(
        tmp_path / "v",
        "prompts: ['{{ said }}']\nproviders: [echo]\n"
        "defaultTest: {assert: [{type: equals, value: '{{ expected }}'}]}\n"
        "tests:\n  - vars: {said: 'true', expected: true}\n  - vars: {said: no, expected: no}\n"
        "  - vars: {said: '{\"a\":[1,false]}', expected: {a: [1, false]}}\n",
    )
    verdicts = await run_all(import_promptfoo(folder), models)
    assert list(verdicts.values()) == [True, True, True]


async def test_empty_absent_and_oddly_named_variables_survive(tmp_path, models):
    folder = written(
        tmp_path / "v",
        "prompts: ['{{ answer }}/{{ id }}/{{ ctx }}/{{ start }}{% if extra %}!{% endif %}']\nproviders: [echo]\n"
        "tests:\n  - {vars: {answer: a, id: 7, ctx: '', start: s}, assert: [{type: equals, value: 'a/7//s'}]}\n"
        "  - {vars: {answer: b, ctx: c}, assert: [{type: equals, value: 'b//c/'}]}\n",
    )
    files = experiment_files(import_promptfoo(folder))
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    experiment = load_experiment(tmp_path / "experiment.yaml")
    assert [e.id for e in experiment.evaluation_set.examples] == ["test 1", "test 2"]
    assert list((await run_all(experiment, models)).values()) == [True, True]


def test_a_filter_names_the_label_of_a_file_that_is_split(tmp_path):
    folder = written(
        tmp_path / "v",
        "prompts: [{id: file://short.txt, label: short}, {id: file://long.txt, label: long}, 'Say {{ x }}']\n"
        "providers:\n  - {id: 'openai:a', label: big, prompts: [short]}\n"
        "  - {id: 'openai:b', label: small, prompts: [long.txt, 'Say {{ x }}']}\ntests: [{vars: {x: bees}}]\n",
        short_DOT_txt="One {{ x }}\n---\nTwo {{ x }}\n",
        long_DOT_txt="Page {{ x }}",
    )
    names = [c.name for c in import_promptfoo(folder).configurations]
    assert names == ["short 1 · big", "short 2 · big", "long · small", "Say {{ x }} · small"]


def test_azure_gets_the_address_that_speaks_this_protocol():
    _, endpoint = model_from(
        {"id": "azure:chat:team", "config": {"apiHost": "x.openai.azure.com", "apiVersion": "2024"}}
    )
    assert endpoint.base_url == "https://x.openai.azure.com/openai/v1"


@pytest.mark.parametrize("url", ["https://x.openai.azure.com", "https://x.openai.azure.com/openai/"])
def test_the_base_url_of_an_azure_resource_gets_its_path(url):
    _, endpoint = model_from({"id": "azure:chat:team", "config": {"apiBaseUrl": url}})
    assert endpoint.base_url == "https://x.openai.azure.com/openai/v1"
    _, endpoint = model_from({"id": "openai:m", "config": {"apiBaseUrl": "https://proxy.example"}})
    assert endpoint.base_url == "https://proxy.example"


def test_settings_without_a_field_here_are_sent_on():
    config = {"frequency_penalty": 0.5, "verbosity": "low", "passthrough": {"top_k": 4}}
    model, _ = model_from({"id": "openai:gpt-5", "config": config})
    assert model.extra_body == {"frequency_penalty": 0.5, "verbosity": "low", "top_k": 4}


def test_an_exported_label_names_the_prompt_and_no_model():
    def made(name, model, template):
        return Configuration(
            name=name, model=ModelSpec(endpoint="openai", name=model), prompt=PromptSpec(template=template)
        )

    configurations = [
        made("short · big", "a", "{{ question }}"),
        made("short · small", "b", "{{ question }}"),
        made("long · small", "b", "Long {{ question }}"),
        made("one", "a", "Other {{ question }}"),
        made("two", "b", "Other {{ question }}"),
    ]
    export = export_promptfoo(configurations, EvaluationSet("s", (Example("1", "q"),)), JudgeSpec(), {})
    config = yaml.safe_load(export.text)
    assert [prompt["label"] for prompt in config["prompts"]] == ["short", "long", "prompt 3"]
    assert [provider["prompts"] for provider in config["providers"]] == [
        ["short", "prompt 3"],
        ["short", "long", "prompt 3"],
    ]


def test_a_file_whose_tests_are_all_made_by_code_still_brings_its_prompts(tmp_path):
    folder = written(tmp_path / "v", "prompts: ['Tell {{ x }}']\nproviders: [echo]\ntests: file://gen.py\n")
    result = import_promptfoo(folder)
    assert [c.prompt.template for c in result.configurations] == ["Tell {{ x }}"]
    assert [e.id for e in result.evaluation_set.examples] == ["file://gen.py"]
    assert ("test", "file://gen.py") in {(entry.kind, entry.name) for entry in result.not_run}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("tests: [{assert: [{type: [x, [y]]}]}]", r"test 1: the type of an assertion must be a word, not \['x'"),
        ("defaultTest: {assert: 1.5}\ntests: [{vars: {a: b}}]", "test 1: an assertion must be a mapping, not 1.5"),
        (f"tests: [{{threshold: {'x' * 3000}}}]", "threshold must be a number, not 'x{59}"),
    ],
)
def test_wrong_values_of_tests_are_said_in_a_sentence(tmp_path, fields, said):
    path = tmp_path / "promptfooconfig.yaml"
    path.write_text(f"prompts: [hello]\nproviders: [echo]\n{fields}\n")

    with pytest.raises(BadInput, match=said) as error:
        import_promptfoo(path)
    assert len(str(error.value)) < 300


@pytest.mark.parametrize("value", ["2024-02-30", "{{ nope"])
def test_a_word_count_that_is_no_data_is_not_supported(value):
    (check,) = assertions_from(({"type": "word-count", "value": value},), None)

    assert (check.type, "its value is neither JSON nor YAML" in check.value["reason"]) == ("unsupported", True)


def test_values_with_a_tag_of_yaml_are_plain(tmp_path):
    path = tmp_path / "promptfooconfig.yaml"
    tagged = "{a: !!binary aGk=, b: !!timestamp 2024-01-02, c: !!set {x, y}}"
    path.write_text(f"prompts: ['{{{{a}}}} {{{{b}}}} {{{{c}}}}']\nproviders: [echo]\ntests: [{{vars: {tagged}}}]\n")

    (example,) = import_promptfoo(path).evaluation_set.examples

    assert example.variables == {"a": "aGk=", "b": "2024-01-02", "c": {"x": None, "y": None}}


async def test_what_is_missing_inside_a_variable_is_written_as_nothing(tmp_path, models):
    folder = written(
        tmp_path / "v",
        """
prompts: ["Hi {{ user.name }}{{ user.home.town | upper }}{% for tag in user.tags %}{{ tag }}{% endfor %}!"]
providers: [echo]
tests:
  - {vars: {user: {name: Ann, tags: [x, y]}}, assert: [{type: equals, value: 'Hi {{ user.name }}{{ user.no }}xy!'}]}
  - {vars: {user: {age: 4}}, assert: [{type: equals, value: 'Hi !'}]}
  - {vars: {other: z}, assert: [{type: equals, value: 'Hi !'}]}
""",
    )
    result = import_promptfoo(folder)

    assert result.not_run == ()
    assert set((await run_all(result, models)).values()) == {True}
    (check,) = assertions_of(result.evaluation_set.examples[0])
    assert "missing" not in check.label
    export = export_promptfoo(result.configurations, result.evaluation_set, result.judge, {})
    again = import_promptfoo(written(tmp_path / "again", export.text))
    assert again.configurations[0].prompt == result.configurations[0].prompt
    assert "missing is empty" not in export.text


def test_a_prompt_written_here_still_asks_for_what_is_missing():
    with pytest.raises(BadInput, match="no attribute 'nmae'"):
        render("{{ user.nmae }}", {"user": {"name": "Ann"}})


def test_missing_files_of_variables_and_tests_cost_their_own_tests(tmp_path):
    folder = written(
        tmp_path / "v",
        """
prompts: ["Say {{ word }}"]
providers: [echo]
tests:
  - {description: lost, vars: no.yaml}
  - {description: half, vars: [words.yaml, gone.yaml]}
  - {description: fine, vars: words.yaml}
  - away.csv
  - odd/*.yaml
""",
    )
    (folder / "words.yaml").write_text("word: hello\n")
    (folder / "odd").mkdir()
    (folder / "odd" / "a.yaml").write_text("- {description: one of the files, vars: {word: b}}\n")
    (folder / "odd" / "b.yaml").write_text("- [no, mapping]\n")

    result = import_promptfoo(folder)

    reasons = {entry.name: entry.reasons[0] for entry in result.not_run}
    assert [e.id for e in result.evaluation_set.examples] == ["lost", "half", "fine", "one of the files"]
    assert sorted(reasons) == ["away.csv", "b.yaml", "half", "lost"]
    assert "no.yaml is not there" in reasons["lost"]
    assert "gone.yaml is not there" in reasons["half"]
    assert "away.csv is not there" in reasons["away.csv"]
    assert "test 1 must be a mapping" in reasons["b.yaml"]


def test_variables_that_are_all_missing_leave_the_prompts(tmp_path):
    folder = written(tmp_path / "v", "prompts: ['Say {{ word }}']\nproviders: [echo]\ntests: [{vars: no.yaml}]\n")

    result = import_promptfoo(folder)

    assert len(result.configurations) == 1
    assert "no.yaml is not there" in result.not_run[0].reasons[0]
