from pathlib import Path

import pytest

from llmopt_core.runs.store import Store
from llmopt_core.types import EvaluationSet, Example
from tests.postgres import postgres, postgres_url  # noqa: F401


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'llmopt.db'}", tmp_path)


@pytest.fixture
def questions() -> EvaluationSet:
    return EvaluationSet("questions", tuple(Example(f"q{i}", f"Question {i}?", f"answer {i}") for i in range(4)))
