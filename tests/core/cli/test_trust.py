"""`--trust`: what a foreign file may send, and where."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stub_endpoint import StubEndpoint

from .conftest import Command


def with_variable(file: Path, variable: str) -> Path:
    file.write_text(file.read_text().replace("stub: {base_url:", f"stub: {{api_key_env: {variable}, base_url:"))
    return file


def test_a_file_sends_a_key_to_a_new_host_only_when_trusted(
    inside: Command, experiment: Path, stub: StubEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIVER_API_KEY", "the-key-of-the-river")
    with_variable(experiment, "RIVER_API_KEY")

    result = inside("evaluate", experiment, "--limit", 1, "--quiet")
    assert result.code == 2
    assert f"{stub.url.removesuffix('/v1')} (key from RIVER_API_KEY)" in result.complaint
    assert result.complaint.endswith("run it again with --trust.")
    assert "the-key-of-the-river" not in result.errors
    assert stub.paths == []

    trusted = inside("evaluate", experiment, "--limit", 1, "--quiet", "--trust")
    assert trusted.code == 0, trusted.errors
    assert "trusted from now on" in trusted.errors
    assert {request["key"] for request in stub.requests} == {"the-key-of-the-river"}

    again = inside("evaluate", experiment, "--limit", 2, "--quiet")
    assert again.code == 0, again.errors
    assert "trusted" not in again.errors


def test_trust_reads_no_variable_that_is_no_key(
    inside: Command, experiment: Path, stub: StubEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody-elses-secret")
    with_variable(experiment, "AWS_SECRET_ACCESS_KEY")

    result = inside("evaluate", experiment, "--limit", 1, "--trust")

    assert result.code == 2
    assert "AWS_SECRET_ACCESS_KEY, which was not read" in result.complaint
    assert stub.paths == []


@pytest.mark.parametrize("command", ["retrieve", "ablate", "compare-prompts"])
def test_the_other_commands_that_take_a_file(
    inside: Command, tmp_path: Path, experiment: Path, stub: StubEndpoint, command: str
) -> None:
    with_variable(experiment, "RIVER_API_KEY")
    text = experiment.read_text()
    if command == "compare-prompts":
        text = text.split("configurations:")[0].replace("evaluation_set: questions.jsonl\n", "inputs: [Where]\n")
        text += 'models: [{endpoint: stub, name: m}]\nprompts: {plain: {template: "{{ question }}"}}\n'
        text = text.replace("metrics: [exact_match, answer_f1]\n", "")
        arguments = [command, experiment]
    else:
        (tmp_path / "notes.txt").write_text("The Rhine flows through Cologne.")
        stages = "embedding: {endpoint: stub, model: m}, transform: {method: hyde, model: {endpoint: stub}}"
        text += f"    retrieval: {{{stages}}}\n"
        text = text.replace("evaluation_set:", "documents: [notes.txt]\nevaluation_set:")
        arguments = [command, experiment, "--configuration", "polite"]
        arguments += ["--question", "Where?"] if command == "retrieve" else []
    experiment.write_text(text)

    result = inside(*arguments)

    assert result.code == 2
    assert "(key from RIVER_API_KEY)" in result.errors
    assert stub.paths == []


def test_promptfoo_files_too(inside: Command, tmp_path: Path) -> None:
    (tmp_path / "promptfooconfig.yaml").write_text(
        "prompts: ['Hi {{word}}']\nproviders: [{id: 'openai:chat:m', config: {apiBaseUrl: 'https://else.where/v1'}}]\n"
        "tests: [{vars: {word: hi}}]\n"
    )

    result = inside("compare-prompts", tmp_path / "promptfooconfig.yaml")

    assert result.code == 2
    assert "https://else.where (no key)" in result.errors

    assert inside("import-promptfoo", tmp_path, "--out", tmp_path / "out").code == 0
    kept = inside("evaluate", tmp_path / "out" / "experiment.yaml")
    assert kept.code == 2
    assert "https://else.where (no key)" in kept.errors
