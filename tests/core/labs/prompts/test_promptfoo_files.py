"""promptfoo files in a project: uploads, what they become, and the way back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
import yaml

from llmopt_core.errors import BadInput
from llmopt_core.experiments.comparison_setup import plan_from
from llmopt_core.interop.promptfoo.files import (
    adopt,
    export_comparison,
    exportable,
    import_uploads,
    not_run_rows,
)
from llmopt_core.models.endpoints import Endpoint

from .conftest import Lab

EXAMPLES = Path(__file__).parents[3] / "data" / "promptfoo"
CONFIG = """
description: greetings
prompts: [file://prompts/short.txt, "Say hello to {{name}} at length"]
providers: [openai:gpt-4.1-mini, "anthropic:claude-x"]
tests:
  - description: plain
    vars: {name: Ada}
    assert: [{type: contains, value: Ada}]
  - description: scripted
    vars: {name: Bob}
    assert: [{type: javascript, value: "output.length < 5"}, {type: contains, value: Bob}]
"""
SHORT = b"Greet {{name}}"


def zipped(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


@pytest.mark.parametrize(
    "files",
    [
        {"promptfooconfig.yaml": CONFIG.encode(), "prompts/short.txt": SHORT},
        {"promptfooconfig.yaml": CONFIG.encode(), "short.txt": SHORT},
        {"mine.yaml": CONFIG.encode(), "short.txt": SHORT},
        {"all.zip": zipped({"demo/promptfooconfig.yaml": CONFIG.encode(), "demo/prompts/short.txt": SHORT})},
    ],
    ids=["folder", "folder lost", "another name", "zip"],
)
def test_uploads_are_read_with_the_files_they_name(files: dict[str, bytes]) -> None:
    result = import_uploads(files)
    assert [c.prompt.template for c in result.configurations] == ["Greet {{name}}", "Say hello to {{name}} at length"]
    assert not_run_rows(result.not_run) == [
        {"What": "provider", "Name": "anthropic:claude-x", "Not supported": result.not_run[0].reasons[0]},
        {"What": "test", "Name": "scripted", "Not supported": result.not_run[1].reasons[0]},
    ]
    assert "javascript" in result.not_run[1].reasons[0]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"notes.txt": b"x"}, "No promptfooconfig.yaml"),
        ({"../promptfooconfig.yaml": CONFIG.encode()}, "unsafe file name"),
        ({"a.zip": b"not a zip"}, "no zip container"),
        ({"a.zip": zipped({"../x.yaml": b"prompts: []"})}, "unsafe file name"),
        ({"a.zip": zipped({".": b"x", "promptfooconfig.yaml": CONFIG.encode()})}, "a file has no name"),
        ({".": b"x", "promptfooconfig.yaml": CONFIG.encode()}, "cannot be unpacked"),
        ({"a" * 300: b"x", "promptfooconfig.yaml": CONFIG.encode()}, "cannot be unpacked"),
        ({"a": b"x", "a/b": b"x", "promptfooconfig.yaml": CONFIG.encode()}, "cannot be unpacked"),
        ({"promptfooconfig.yaml": b"prompts: ["}, "promptfooconfig.yaml"),
        ({"promptfooconfig.yaml": b"prompts: [x]\nproviders: ['vertex:gemini']"}, "Nothing in"),
    ],
)
def test_what_cannot_be_read_is_one_sentence_without_our_folders(files: dict[str, bytes], says: str) -> None:
    with pytest.raises(BadInput, match=says) as error:
        import_uploads(files)
    assert "/tmp" not in str(error.value)


def test_uploads_without_folders_are_found_by_files_that_name_each_other() -> None:
    files = {
        "promptfooconfig.yaml": b"prompts: ['Tell {{ topic }}']\nproviders: [echo]\ntests: ['file://tests/t*.yaml']\n",
        "t1.yaml": b"[{vars: ../vars/one.yaml}]",
        "t2.yaml": b"[{vars: {topic: rain}}]",
        "one.yaml": b"topic: snow",
    }
    result = import_uploads(files, "")
    assert [example.variables["topic"] for example in result.evaluation_set.examples] == ["snow", "rain"]

    alone = import_uploads({"promptfooconfig.yaml": files["promptfooconfig.yaml"]}, "")
    assert alone.not_run[0].reasons[0].startswith("No uploaded file matches tests/t")
    assert len(alone.configurations) == 1


def test_a_file_that_is_missing_is_named_without_our_folders() -> None:
    config = "prompts: ['{{x}}']\nproviders: [echo]\ntests: [{vars: {x: 'file://deep/none.txt'}}]"
    result = import_uploads({"promptfooconfig.yaml": config.encode()})
    assert result.not_run[0].reasons == ("variable x: file://deep/none.txt is not there among the uploaded files.",)
    checks = result.evaluation_set.examples[0].variables["checks"]
    assert checks[0]["value"]["reason"] == result.not_run[0].reasons[0]


def test_an_upload_reads_nothing_of_this_machine(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("do not read")
    config = f"prompts: ['file://{secret}', 'ok {{{{x}}}}']\nproviders: [echo]\ntests: [{{vars: {{x: 1}}}}]"
    result = import_uploads({"promptfooconfig.yaml": config.encode()})
    assert [c.prompt.template for c in result.configurations] == ["ok {{x}}"]
    assert "do not read" not in str(result)


def test_an_import_becomes_prompts_a_set_and_a_comparison(lab: Lab) -> None:
    result = import_uploads({"promptfooconfig.yaml": CONFIG.encode(), "short.txt": SHORT}, "greetings")
    made = adopt(lab.store, "p", result)
    assert (made.prompts, made.tests, made.omissions) == (("short.txt", "Say hello to {{name}} at length"), 2, ())
    plan, _ = plan_from(lab.store, "p", made.setup)
    assert [variant.prompt.template for variant in plan.variants] == [c.prompt.template for c in result.configurations]
    assert [variant.model.name for variant in plan.variants] == ["gpt-4.1-mini"] * 2
    assert plan.evaluation_set.examples == result.evaluation_set.examples
    again = adopt(lab.store, "p", result)
    assert again.setup == made.setup
    assert len(lab.store.versions("p", "prompt")) == 2


async def test_a_test_with_something_unsupported_never_passes_and_the_others_run(lab: Lab) -> None:
    result = import_uploads(
        {"promptfooconfig.yaml": CONFIG.replace("openai:gpt-4.1-mini", "echo").encode(), "short.txt": SHORT}
    )
    made = adopt(lab.store, "p", result)
    plan, _ = plan_from(lab.store, "p", made.setup)
    from llmopt_core.models.scripted import ScriptedChat

    models = lab.models
    lab.models = lambda: _with(models(), ScriptedChat(lambda request: "Ada and Bob"))  # type: ignore[method-assign]
    grid = lab.grid(await lab.run(plan))
    assert [[cell.has_passed for cell in row] for row in grid.rows] == [[True, True], [None, None]]


def _with(models, chat):  # type: ignore[no-untyped-def]
    models.register("echo", chat)
    return models


@pytest.mark.parametrize("name", ["eval-customer-support-rubric", "eval-rag", "eval-self-grading"])
def test_published_examples_become_comparisons(lab: Lab, name: str) -> None:
    files = {
        str(path.relative_to(EXAMPLES / name)): path.read_bytes()
        for path in (EXAMPLES / name).rglob("*")
        if path.is_file()
    }
    result = adopt(lab.store, "p", import_uploads(files, name))
    plan, _ = plan_from(lab.store, "p", result.setup)
    assert plan.variants
    assert len(plan.evaluation_set.examples) == result.tests > 0


async def test_why_there_is_no_way_back_is_said_once_for_all_variants(lab: Lab) -> None:
    taken = [lab.variant(name, system=name, extract=r"Answer: (?P<answer>.+)") for name in ("one", "two")]
    names = {"scripted": Endpoint(name="scripted", base_url="http://localhost:1/v1")}
    result = await lab.run(lab.plan(*taken))
    assert exportable(result, names) == "it has an extraction pattern, which promptfoo does not know"
    assert not exportable(await lab.run(lab.plan(taken[0], lab.variant("plain"))), names)


async def test_a_comparison_goes_back_to_promptfoo(lab: Lab) -> None:
    result = await lab.run(lab.plan())
    rows = lab.store.evaluation_set("p", result.set_name, result.set_version)
    made = export_comparison(result, rows, {"scripted": Endpoint(name="scripted", base_url="http://localhost:1/v1")})
    assert made.text.startswith("# Compared in the LLM Optimization Playground")
    config = yaml.safe_load(made.text)
    assert len(config["prompts"]) == 2
    assert [test["description"] for test in config["tests"]] == ["q1", "q2", "q3"]
    assert config["tests"][2]["assert"] == [{"type": "contains", "value": "two"}]
