"""compare-prompts, import-promptfoo, export-promptfoo."""

from __future__ import annotations

import csv
import html
import io
import json
from pathlib import Path

import pytest
import yaml

from tests.stub_endpoint import StubEndpoint

from .conftest import Command

PROMPTFOO = Path(__file__).parents[2] / "data" / "promptfoo"


@pytest.fixture
def comparison(tmp_path: Path, stub: StubEndpoint) -> Path:
    """Two prompts on the stub endpoint; the second is answered wrongly."""
    stub.reply = lambda body: "Elbe" if "wrong" in body["messages"][-1]["content"] else "the Rhine"
    path = tmp_path / "compare.yaml"
    path.write_text(f"""\
project: rivers
inputs:
  - Which river flows through Cologne?
  - {{question: "Which river flows through Basel?", reference: Rhine}}
endpoints:
  stub: {{base_url: "{stub.url}", prices: {{"*": {{prompt: 1, completion: 1}}}}}}
models: [{{endpoint: stub, name: stub-small}}]
prompts:
  plain: {{template: "{{{{ question }}}}"}}
  wrong: {{template: "Be wrong. {{{{ question }}}}"}}
checks:
  - {{type: contains, value: Rhine}}
metrics: [answer_f1]
""")
    return path


def test_the_grid_is_printed_and_a_failed_check_ends_with_1(llmopt: Command, comparison: Path) -> None:
    process = llmopt("compare-prompts", comparison)
    assert process.code == 1, process.errors
    assert "+ the Rhine" in process.out
    assert "- Elbe" in process.out
    assert "2 of 2 passed" in process.out
    assert "0 of 2 passed" in process.out


def test_too_many_variants_are_chosen_from_by_name(llmopt: Command, comparison: Path) -> None:
    prompts = "".join(f'  more{n}: {{template: "{n} {{{{ question }}}}"}}\n' for n in range(4))
    comparison.write_text(comparison.read_text().replace("prompts:\n", f"prompts:\n{prompts}"))
    process = llmopt("compare-prompts", comparison)
    assert process.code == 2
    assert "6 variants are to be compared and 1 to 4 can be" in process.errors
    assert "plain; wrong" in process.errors
    process = llmopt("compare-prompts", comparison, "--only", "plain", "--only", "more1")
    assert process.code == 0, process.errors
    assert "more0" not in process.out
    assert llmopt("compare-prompts", comparison, "--only", "gone").code == 2


def test_json_html_and_csv(inside: Command, comparison: Path, tmp_path: Path) -> None:
    result = inside("compare-prompts", comparison, "--json", "--html", "out/c.html", "--csv", "out/c.csv",
                  "--fail-on", "none")  # fmt: skip
    assert result.code == 0, result.errors
    values = result.json()
    assert [variant["passed"] for variant in values["variants"]] == [2, 0]
    assert values["variants"][1]["versus_first"]["checks"]["difference"] == -1.0
    assert values["rows"][0]["kinds"] == ["failures", "different", "regressions"]
    assert values["rows"][1]["cells"][0]["answers"][0]["scores"]["answer_f1"] == 1.0
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/c.csv").read_text())))
    assert [(row["variant"], row["passed"]) for row in rows[:2]] == [("plain", "passed"), ("wrong", "failed")]
    page = (tmp_path / "out/c.html").read_text()
    assert '<pre class="plain">Elbe</pre>' in page
    assert "<script" not in page


@pytest.mark.parametrize(("fail_on", "code"), [("any", 1), ("regression", 1), ("none", 0)])
def test_what_ends_with_1(inside: Command, comparison: Path, fail_on: str, code: int) -> None:
    assert inside("compare-prompts", comparison, "--fail-on", fail_on).code == code


def test_all_that_passes_ends_with_0(inside: Command, comparison: Path) -> None:
    text = comparison.read_text().replace("Be wrong. ", "Please. ")
    comparison.write_text(text)
    assert inside("compare-prompts", comparison).code == 0


def test_no_answer_at_all_ends_with_2(inside: Command, comparison: Path, stub: StubEndpoint) -> None:
    stub.fault = "400"
    result = inside("compare-prompts", comparison)
    assert result.code == 2
    assert "no answer came" in result.complaint


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("inputs:", "questions:", "compare.yaml line 2: questions is not known"),
        ("type: contains,", "type: soup,", "compare.yaml line 12"),
        ("prompts:", "variants: [{name: a, prompt: gone}]\nprompts:", "there is no prompt 'gone'"),
        ("metrics: [answer_f1]", "metrics: [soup]", "soup"),
        ("metrics: [answer_f1]", "evaluation_set: q.jsonl", "either evaluation_set"),
        ("{{ question }}", "{{ colour }}", "colour"),
        ("endpoint: stub,", "endpoint: nowhere,", "nowhere"),
    ],
)
def test_a_wrong_file_is_one_line(inside: Command, comparison: Path, old: str, new: str, told: str) -> None:
    comparison.write_text(comparison.read_text().replace(old, new))
    result = inside("compare-prompts", comparison)
    assert result.code == 2
    assert told in result.complaint


def test_wrong_options_are_one_line(inside: Command, comparison: Path) -> None:
    assert "--fail-on is one of" in inside("compare-prompts", comparison, "--show", "soup").complaint
    assert inside("compare-prompts", "nowhere.yaml").code == 2


def test_saved_prompts_can_be_named(inside: Command, comparison: Path, tmp_path: Path) -> None:
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings

    store = Store.open(Settings(home=tmp_path / "home"))
    store.ensure_project("rivers")
    store.save_version("rivers", "prompt", "kept", {"template": "Saved: {{ question }}"})
    values = yaml.safe_load(comparison.read_text())
    values["variants"] = [{"name": "one", "prompt": "kept@1", "model": values.pop("models")[0]}]
    comparison.write_text(yaml.safe_dump(values))
    result = inside("compare-prompts", comparison, "--json")
    assert result.code == 0, result.errors
    assert result.json()["variants"][0]["name"] == "one"


@pytest.mark.parametrize("name", sorted(path.name for path in PROMPTFOO.iterdir() if path.is_dir()))
def test_promptfoo_files_are_imported_and_what_is_not_supported_is_named(
    inside: Command, name: str, tmp_path: Path
) -> None:
    result = inside("import-promptfoo", PROMPTFOO / name, "--out", "imported", "--json")
    assert result.code == 0, result.errors
    assert (tmp_path / "imported/questions.jsonl").read_text().count("\n") == result.json()["tests"]
    for entry in result.json()["not_supported"]:
        assert entry["name"] in result.errors
    strict = inside("import-promptfoo", PROMPTFOO / name, "--out", "imported", "--strict")
    assert strict.code == (1 if result.json()["not_supported"] else 0)


ECHO = """\
prompts: ["Say {{word}}"]
providers: [echo]
tests:
  - vars: {word: hello}
    assert: [{type: contains, value: hello}]
  - vars: {word: bye}
    assert: [{type: contains, value: bye}, {type: moderation}]
"""


def test_a_promptfoo_file_runs_and_an_unsupported_assertion_is_never_passed(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(ECHO)
    result = inside("compare-prompts", "promptfooconfig.yaml", "--json")
    assert result.code == 1, result.errors
    rows = result.json()["rows"]
    assert [row["cells"][0]["passed"] for row in rows] == [True, None]
    assert "moderation" in json.dumps(result.json()["not_supported"])
    assert inside("import-promptfoo", "promptfooconfig.yaml", "--out", "i").code == 0
    assert inside("evaluate", "i/experiment.yaml", "--quiet").code == 0


def test_a_promptfoo_test_that_is_not_run_costs_no_call(inside: Command, tmp_path: Path, stub: StubEndpoint) -> None:
    provider = f"{{id: 'openai:chat:stub-small', config: {{apiBaseUrl: '{stub.url}'}}}}"
    (tmp_path / "promptfooconfig.yaml").write_text(ECHO.replace("[echo]", f"[{provider}]"))
    result = inside("compare-prompts", "promptfooconfig.yaml", "--html", "c.html", "--csv", "c.csv")
    assert result.code == 1, result.errors
    assert stub.calls == 1
    assert "? Not run: the assertion 'moderation'" in result.out
    assert "0 of 1 passed, 1 not run" in result.out
    assert "Not run: the assertion 'moderation'" in html.unescape((tmp_path / "c.html").read_text())
    assert "Not run: the assertion 'moderation'" in (tmp_path / "c.csv").read_text()
    assert inside("import-promptfoo", "promptfooconfig.yaml", "--out", "i").code == 0
    stub.reset()
    evaluated = inside("evaluate", "i/experiment.yaml", "--quiet", "--json")
    bye = evaluated.json()["runs"][0]["records"][1]
    assert (bye["answer"], bye["failure"]) == (None, None)
    assert all("bye" not in str(request["body"]) for request in stub.requests)


def test_where_no_test_can_be_run_nothing_is_asked_and_that_is_said(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(ECHO.replace("contains, value: hello", "moderation"))
    result = inside("compare-prompts", "promptfooconfig.yaml")
    assert result.code == 1, result.errors
    assert "0 of 0 passed, 2 not run" in result.out


def test_a_comparison_is_exported_and_comes_back(inside: Command, comparison: Path, tmp_path: Path) -> None:
    result = inside("export-promptfoo", comparison, "--out", "p/promptfooconfig.yaml")
    assert result.code == 0, result.errors
    made = yaml.safe_load((tmp_path / "p/promptfooconfig.yaml").read_text())
    assert [prompt["label"] for prompt in made["prompts"]] == ["plain", "wrong"]
    assert made["defaultTest"]["assert"][0]["value"] == "Rhine"
    again = inside("import-promptfoo", "p", "--out", "back", "--json")
    assert again.code == 0, again.errors
    assert again.json()["configurations"] == ["plain", "wrong"]


def test_an_experiment_is_exported(inside: Command, experiment: Path, tmp_path: Path) -> None:
    result = inside("export-promptfoo", experiment, "--json")
    assert result.code == 0, result.errors
    assert (tmp_path / "promptfooconfig.yaml").exists()
