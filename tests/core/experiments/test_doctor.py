from __future__ import annotations

from pathlib import Path

import pytest

from llmopt_core.experiments import doctor
from llmopt_core.experiments.doctor import Finding, examine
from llmopt_core.runs.store import Store
from llmopt_core.runs.tables import documents
from llmopt_core.settings import Settings
from llmopt_core.types import Document
from tests.stub_endpoint import StubEndpoint


def environ(home: Path, **more: str) -> dict[str, str]:
    # A model file that is not there keeps the built-in server from being started.
    return {"LLMOPT_HOME": str(home), "LLMOPT_BUILTIN_GGUF": str(home / "none.gguf"), **more}


async def found(values: dict[str, str], *, models: bool = True) -> dict[str, Finding]:
    return {finding.name: finding for finding in await examine(values, models=models)}


async def test_everything_is_looked_at(tmp_path: Path) -> None:
    result = await found(environ(tmp_path), models=False)
    names = ["python", "packages", "built-in chat model", "built-in embedding model", "browser for the tests"]
    assert list(result) == [*names, "workspace", "database", "disk space"]
    assert {result[name].status for name in ("python", "packages", "workspace", "database")} == {"ok"}


async def test_every_problem_comes_with_its_fix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(doctor, "_NEEDED_BYTES", 10**18)
    monkeypatch.setattr("shutil.which", lambda _: None)
    result = await found(environ(tmp_path / "file"))
    broken = {name: finding for name, finding in result.items() if finding.status != "ok"}
    assert {"workspace", "database", "disk space", "built-in model answers"} <= broken.keys()
    assert all(finding.fix for finding in broken.values())


async def test_a_missing_or_unfit_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = ["pydantic>=99", "no-such-package>=1", "typer", 'only-for-tests>=1; extra == "dev"']
    monkeypatch.setattr("importlib.metadata.requires", lambda _: target)
    packages = (await found(environ(tmp_path), models=False))["packages"]
    assert packages.status == "missing"
    assert "pydantic" in packages.detail
    assert ">=99" in packages.detail
    assert "no-such-package is not installed" in packages.detail
    assert "only-for-tests" not in packages.detail
    assert "make install" in packages.fix


async def test_a_wrong_variable_is_told(tmp_path: Path) -> None:
    result = await found(environ(tmp_path, LLMOPT_THREADS="many"))
    assert result["settings"].status == "missing"
    assert "LLMOPT_THREADS is 'many'" in result["settings"].detail


async def test_damaged_values_of_any_project_are_counted(tmp_path: Path) -> None:
    store = Store.open(Settings(home=tmp_path))
    for project in ("one", "two"):
        store.create_project(project)
        store.save_documents(project, [Document("a.txt", "lost"), Document("b.txt", "fine")])
    with store.database.write() as connection:
        connection.execute(documents.update().where(documents.c.name == "a.txt").values(body=b"{"))
    calls = (await found(environ(tmp_path), models=False))["stored values"]
    assert calls.status == "warning"
    assert calls.detail == "one: Document a.txt could not be read (damaged JSON). (and 1 more)"


async def test_endpoints_are_asked(tmp_path: Path) -> None:
    with StubEndpoint(key="sk-right") as stub:
        reached = environ(tmp_path, OPENAI_BASE_URL=stub.url, OPENAI_API_KEY="sk-right")
        good = (await found(reached))["endpoint openai"]
        wrong = (await found({**reached, "OPENAI_API_KEY": "sk-wrong"}))["endpoint openai"]
        none = (await found(environ(tmp_path, OPENAI_BASE_URL=stub.url)))["endpoint openai"]
    away = (await found(reached))["endpoint openai"]
    assert good.status == "ok"
    assert stub.url in good.detail
    assert [finding.status for finding in (wrong, none, away)] == ["warning"] * 3
    assert "OPENAI_API_KEY" in none.fix
    assert "sk-wrong" not in wrong.detail + wrong.fix


async def test_a_wrong_endpoints_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "endpoints.yaml").write_text("local: {base_url: nonsense}")
    result = await found(environ(tmp_path, LLMOPT_ENDPOINTS=str(tmp_path / "endpoints.yaml")))
    assert result["endpoints"].status == "missing"
    assert "endpoints.yaml" in result["endpoints"].detail
