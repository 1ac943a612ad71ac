"""The example of docs/gate.md is one that works, and its table of codes is true."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from llmopt_core.cli.app import app
from llmopt_core.labs.evaluation.gate.outcome import EXIT_CODES
from llmopt_core.labs.evaluation.gate.rules import parse_rules

TEXT = (Path(__file__).parents[4] / "docs" / "gate.md").read_text()


def test_the_table_has_the_codes() -> None:
    rows = re.findall(r"^\| (\d) \| ([a-z ]+) \|", TEXT, re.MULTILINE)
    assert {outcome: int(code) for code, outcome in rows} == dict(EXIT_CODES)


@pytest.fixture
def steps() -> list[dict[str, Any]]:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    workflow = yaml.safe_load(block)
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    return list(workflow["jobs"]["gate"]["steps"])


def test_the_workflow_calls_options_that_there_are(steps: list[dict[str, Any]]) -> None:
    (step,) = [one for one in steps if one.get("name") == "Gate"]
    program, command, file, *options = shlex.split(step["run"])
    assert (program, command, file) == ("llmopt", "evaluate", "experiment.yaml")
    command_line = typer.main.get_command(app)
    parameters = command_line.commands["evaluate"].params  # type: ignore[attr-defined]
    names = {name for parameter in parameters for name in parameter.opts}
    given = [option for option in options if option.startswith("--")]
    assert set(given) <= names
    values = dict(pairwise(options))
    rules = parse_rules(
        [values["--no-regression"]], [values["--fail-under"]], ["answer_f1", "faithfulness"], ["baseline"]
    )
    assert (rules.no_regression[0].margin, rules.thresholds[0].value) == (0.02, 0.8)
    (comment,) = [one for one in steps if one.get("name") == "Comment"]
    assert f"--body-file {values['--markdown']}" in comment["run"]
    assert comment["if"].startswith("always()")
