"""YAML values that could not be stored, or that take for ever, are refused with their line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from llmopt_core.documents import limits
from llmopt_core.errors import BadInput
from llmopt_core.experiments.experiment_file import load_experiment
from llmopt_core.experiments.yaml_lines import read_yaml
from llmopt_core.interop.promptfoo.importer import import_promptfoo
from llmopt_core.interop.promptfoo.yaml12 import parse_yaml
from llmopt_core.models.base import ModelSpec

LEVELS = "".join(f"k{n}: &k{n} {{<<: [*k{n - 1}, *k{n - 1}]}}\n" for n in range(1, 40))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: 1\nb: .nan", "line 2: .*nan is no number"),
        ("a: 1\nb: [-.inf]", "line 2: .*inf is no number"),
        ('a: 1\nb: "x\\ud83d"', "line 2: .*half a character"),
        ('a: 1\nb: "x\\0"', "line 2: .*NUL"),
        ('a: 1\n"x\\ud83d": 2', "line 2: .*half a character"),
        ("a: 1\nb: " + "9" * 200_000, "line 2: .*too many digits"),
        ("a: 1\nb: " + ":".join(["1"] * 1_000_000), "line 2: .*too many digits"),
        ("a: 1\nb: 2020-13-45", "line 2: .*is no timestamp"),
        ("k0: &k0 {a: 1, b: 2}\n" + LEVELS, "merged into one mapping"),
        ("a: " + "[" * 20_000, "nested too deeply"),
    ],
)
def test_an_experiment_file_holds_only_what_can_be_kept(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=rf"(?s)^f\.yaml.*{why}"):
        read_yaml(text, "f.yaml")


@pytest.mark.timeout(60)
@pytest.mark.parametrize("text", ['b: "\\ud83d"', "k0: &k0 {a: 1, b: 2}\n" + LEVELS])
def test_so_does_a_promptfoo_file(text: str) -> None:
    with pytest.raises(BadInput, match="not valid YAML"):
        parse_yaml(text, "f.yaml")


@pytest.mark.timeout(60)
def test_a_pipe_is_no_experiment_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.yaml")
    with pytest.raises(BadInput, match="pipe or device"):
        load_experiment(tmp_path / "f.yaml")


def test_large_files_are_read_apart_and_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: {b: [1, 2.5, 'x']}\nlist:\n" + "".join(f"- {{n: {n}}}\n" for n in range(200))
    here = read_yaml(text, "f.yaml")
    config = tmp_path / "promptfooconfig.yaml"
    config.write_text("prompts: ['Say {{x}}']\nproviders: [openai:gpt-4.1]\ntests: [{vars: {x: hi}}, {vars: {x: no}}]")
    result = import_promptfoo(config)
    monkeypatch.setattr(limits, "YAML_AT_ONCE_BYTES", 10)
    assert read_yaml(text, "f.yaml") == here
    assert import_promptfoo(config) == result
    with pytest.raises(BadInput, match=r"^f\.yaml line 2: this is not valid YAML"):
        read_yaml("a: 1\nb: [", "f.yaml")
    monkeypatch.setattr(limits, "YAML_SECONDS", 0.2)
    with pytest.raises(BadInput, match=r"^f\.yaml takes too long to be read \(more than \d s\): split it\.$"):
        read_yaml("a: [" + "1," * 100_000 + "1]", "f.yaml")
    (tmp_path / "tests.json").write_text("[" + "1," * 100_000 + "1]")
    config.write_text("prompts: [a]\nproviders: [openai:gpt-4.1]\ntests: file://tests.json")
    with pytest.raises(BadInput, match=r"^promptfooconfig\.yaml takes too long to be read"):
        import_promptfoo(config)


def test_no_specification_takes_numbers_that_are_none() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="finite number"):
            ModelSpec(temperature=value)
