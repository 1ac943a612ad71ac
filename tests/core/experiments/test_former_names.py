"""What files, sets and runs of earlier versions call otherwise is read as before, and keeps its fingerprints."""

import json
from pathlib import Path
from typing import Any

import pytest

from llmopt_core.answering.fact_check.check import FactCheckSpec
from llmopt_core.errors import BadInput
from llmopt_core.evaluation.assertions.columns import assertions_of, threshold_of, without_assertions
from llmopt_core.evaluation.assertions.spec import AssertionSpec
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.experiments.keys import answering_identity
from llmopt_core.labs.prompts.comparison_file import load_comparison
from llmopt_core.models.registry import Models
from llmopt_core.settings import Settings
from llmopt_core.types import Example
from llmopt_ui.overview.map_chart import place
from tests.engine_lab import Lab

NEW = {"method": "revise", "refuse_unsupported": True}
OLD = {"fact_check": "revise", "refuse_unsupported": True}


@pytest.mark.parametrize(
    "values", [{"fact_check": NEW}, {"checks": OLD}, {"fact_check": OLD}, {"checks": NEW}], ids=["new", "old", "a", "b"]
)
def test_a_configuration_with_a_fact_check_has_the_fingerprint_of_its_first_runs(values: dict[str, Any]) -> None:
    configuration = configuration_from({"name": "a", **values})
    assert configuration.fact_check == FactCheckSpec(method="revise", refuse_unsupported=True)
    assert configuration.fingerprint == "27295be9e1329c8f"
    assert configuration.fact_check.fingerprint == "1ab07b4325cba703"
    assert configuration.model_dump(mode="json")["fact_check"] == {**NEW, "judge": "builtin"}
    assert "checks" not in configuration.model_dump()


def test_answers_stay_in_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A new version of the judge that checks the facts may give other answers; nothing else changes their keys.
    monkeypatch.setattr("llmopt_core.evaluation.judges.judge.BUILTIN_JUDGE_VERSION", "3")
    models = Models(Settings(home=tmp_path), endpoints={})
    assert (
        answering_identity(
            Configuration(name="a", fact_check=FactCheckSpec(method="revise", refuse_unsupported=True)), models
        )
        == "a579b8185cf5ba6a"
    )


def test_an_assertion_has_the_fingerprint_of_a_check() -> None:
    assert AssertionSpec(type="contains", value="Rhine").fingerprint == "51584518aa5362bd"


def write(folder: Path, *configurations: str) -> Path:
    (folder / "questions.jsonl").write_text('{"question": "Which river?", "reference": "Rhine"}\n')
    (folder / "a.md").write_text("The Rhine flows through Cologne.")
    listing = "\n".join(f"  - {one}" for one in configurations)
    file = folder / "experiment.yaml"
    file.write_text(f"evaluation_set: questions.jsonl\ndocuments: [a.md]\nconfigurations:\n{listing}\n")
    return file


@pytest.mark.parametrize("base", ["checks: {fact_check: flag}", "fact_check: {method: flag}"])
@pytest.mark.parametrize("over", ["checks: {refuse_unsupported: true}", "fact_check: {refuse_unsupported: true}"])
def test_a_configuration_extends_one_that_uses_the_other_name(tmp_path: Path, base: str, over: str) -> None:
    file = write(tmp_path, f"{{name: a, {base}}}", f"{{name: b, extends: a, {over}}}")
    first, second = load_experiment(file).configurations
    assert first.fact_check == FactCheckSpec(method="flag")
    assert second.fact_check == FactCheckSpec(method="flag", refuse_unsupported=True)


def test_a_wrong_value_is_named_as_the_file_names_it(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 4.*checks.*fact_check.*sometimes"):
        load_experiment(write(tmp_path, "{name: a, checks: {fact_check: sometimes}}"))
    with pytest.raises(BadInput, match=r"line 4.*fact_check.*method.*sometimes"):
        load_experiment(write(tmp_path, "{name: a, fact_check: {method: sometimes}}"))


def test_both_names_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="checks"):
        load_experiment(write(tmp_path, "{name: a, checks: {fact_check: flag}, fact_check: {method: flag}}"))


@pytest.mark.parametrize("name", ["assertions", "checks"])
def test_a_comparison_file_names_its_assertions_either_way(tmp_path: Path, lab: Lab, name: str) -> None:
    file = tmp_path / "comparison.yaml"
    file.write_text(
        'inputs: ["Which river?"]\nprompts: {plain: {system: Be brief.}}\n'
        f"{name}: [{{type: contains, value: Rhine}}]\n"
    )
    assert load_comparison(file, lab.store).plan.assertions == (AssertionSpec(type="contains", value="Rhine"),)


@pytest.mark.parametrize("prefix", ["assertions", "checks"])
@pytest.mark.parametrize("dump", [lambda value: value, json.dumps], ids=["list", "text"])
def test_an_example_brings_its_assertions_along_under_either_name(prefix: str, dump: Any) -> None:
    variables = {prefix: dump([{"type": "contains", "value": "Rhine"}]), f"{prefix}_threshold": "0.5", "tone": "dry"}
    example = Example("1", "Which river?", variables=variables)
    assert assertions_of(example) == (AssertionSpec(type="contains", value="Rhine"),)
    assert threshold_of(example) == 0.5
    assert without_assertions(variables) == {"tone": "dry"}


@pytest.mark.parametrize("value", ["none that I know", ["word"], [{"claim": "x"}], 3])
def test_a_variable_that_is_called_assertions_stays_one(value: Any) -> None:
    example = Example("1", "Which river?", variables={"assertions": value})
    assert assertions_of(example) == ()
    assert without_assertions(example.variables) == {"assertions": value}


@pytest.mark.parametrize("values", [{"fact_check": NEW}, {"checks": OLD}])
def test_the_map_shows_the_fact_check_of_old_and_new_runs(values: dict[str, Any]) -> None:
    assert "fact check" in place(values).steps
