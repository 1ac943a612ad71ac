from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.stub_endpoint import StubEndpoint

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    errors: str

    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The one line on stderr."""
        lines = self.errors.strip().splitlines()
        assert len(lines) == 1, self.errors
        assert lines[0].startswith("llmopt: ")
        return lines[0].removeprefix("llmopt: ")


Command = Callable[..., Done]
_NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "LLMOPT_ENDPOINTS", "LLMOPT_DATABASE_URL", "LLMOPT_BUILTIN_GGUF")


@pytest.fixture
def llmopt(tmp_path: Path) -> Command:
    """Runs `llmopt` as a process in a workspace of its own."""

    def run(*arguments: object, environ: dict[str, str] | None = None) -> Done:
        values = {name: value for name, value in os.environ.items() if name not in _NAMES}
        values |= {"LLMOPT_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), **(environ or {})}
        command = [sys.executable, "-m", "llmopt_core.cli", *map(str, arguments)]
        result = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=values, timeout=240, check=False
        )
        return Done(result.returncode, result.stdout, result.stderr)

    return run


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The same without a process of its own, for the many small cases."""
    from llmopt_core.cli.app import run

    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LLMOPT_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run(list(map(str, arguments)))
        output = capsys.readouterr()
        return Done(code, output.out, output.err)

    return call


@pytest.fixture
def stub() -> Iterator[StubEndpoint]:
    with StubEndpoint(reply="Rhine") as running:
        yield running


@pytest.fixture
def experiment(tmp_path: Path, stub: StubEndpoint) -> Path:
    """An experiment file on the stub endpoint: two configurations, twelve questions, no retrieval."""
    questions = [
        {"id": f"q{i}", "question": f"Which river is number {i}?", "reference": "Rhine" if i % 2 else "Elbe"}
        for i in range(12)
    ]
    (tmp_path / "questions.jsonl").write_text("\n".join(map(json.dumps, questions)))
    path = tmp_path / "experiment.yaml"
    path.write_text(
        f"""\
project: rivers
evaluation_set: questions.jsonl
metrics: [exact_match, answer_f1]
endpoints:
  stub: {{base_url: "{stub.url}", prices: {{"*": {{prompt: 1000, completion: 1000}}}}}}
configurations:
  - name: baseline
    model: {{endpoint: stub, name: stub-small}}
    prompt: {{template: "{{{{ question }}}}"}}
  - name: polite
    extends: baseline
    prompt: {{system: "Be polite."}}
"""
    )
    return path
