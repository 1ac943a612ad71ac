from pathlib import Path

from llmopt_core.experiments.experiment import list_configurations
from llmopt_core.experiments.sample import SAMPLE, install_sample
from llmopt_core.runs.store import Store


def test_the_sample_is_there_on_first_start(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    project = install_sample(store)
    assert project is not None
    assert [p.name for p in store.projects()] == [project.name]
    assert len(store.documents(project)) == 12
    (questions,) = store.evaluation_sets(project)
    assert questions.size >= 40
    assert [c.name for c in list_configurations(store, project)] == ["baseline", "rag", "rag-rerank"]


def test_it_is_put_in_once_and_never_into_a_workspace_in_use(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    assert install_sample(store) is not None
    assert install_sample(store) is None
    used = Store(f"sqlite:///{tmp_path / 'b.db'}", tmp_path)
    used.create_project("mine")
    assert install_sample(used) is None
    assert [p.name for p in used.projects()] == ["mine"]


def test_without_the_sample_beside_the_program_nothing_happens(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'a.db'}", tmp_path)
    assert install_sample(store, tmp_path / "nowhere.yaml") is None
    assert SAMPLE.exists()
