"""A project goes out as one file and comes in again, in another workspace, with the same numbers."""

from __future__ import annotations

import base64
import io
import json
import random
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from llmopt_core.errors import BadInput, DatabaseConnectionError
from llmopt_core.experiments import project_file
from llmopt_core.experiments.finetuning_jobs import list_owned_jobs, save_owner
from llmopt_core.experiments.project_deletion import delete_project
from llmopt_core.experiments.project_file import copy_project, export_project, import_project
from llmopt_core.experiments.result import result_of
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.labs.finetuning.annotation import Label, labels, save_labels
from llmopt_core.runs import codec
from llmopt_core.runs.store import Store
from llmopt_core.runs.store_labs import Vote
from llmopt_core.runs.tables import now
from llmopt_core.runs.tables_labs import ladder_steps
from llmopt_core.settings import Settings
from llmopt_core.types import Document
from tests.core.finetuning.helpers import colours
from tests.ui.seed import seed_project

PROJECT = "harbour"


@pytest.fixture
def source(tmp_path: Path) -> Store:
    """A used project beside another one, so that numbers of rows differ where it is imported."""
    store = Store.open(Settings(home=tmp_path / "source"))
    seed_project(store, "before", questions=3, runs=2)
    seed_project(store, PROJECT, questions=8)
    newest = store.runs(PROJECT)[0]
    store.save_version(PROJECT, "prompt", "answer", {"system": "Be brief."}, "first")
    store.set_label(PROJECT, "prompt", "answer", "production", 1)
    store.save_draft(PROJECT, "prompt", "answer", {"system": "typed \ud83d"})
    store.save_vote(PROJECT, Vote("abcd", "me", "q1", "rag", "baseline", "first"))
    decided = {"project_id": store.project(PROJECT).id, "run_id": newest.id, "decision": "kept", "note": "better"}
    with store.database.write() as connection:
        connection.execute(sa.insert(ladder_steps), {**decided, "saved_at": now()})
    save_labels(store, PROJECT, [Label("q2", newest.id, "accepted", "1712", "questions")])
    job = store.start_job("evaluation", PROJECT, {"file": "/home/somebody/secret/questions.jsonl"})
    store.update_job(job, status="finished", result={"runs": [newest.id]}, error=f"{store.home}/llmopt.db is full")
    store.start_job("evaluation", PROJECT, {"under": "way"})
    return store


def ladder(store: Store, name: str) -> list[Any]:
    """Decisions on runs as older versions of the program kept them."""
    with store.database.read() as connection:
        result = sa.select(ladder_steps).where(ladder_steps.c.project_id == store.project(name).id)
        return list(connection.execute(result).mappings())


@pytest.fixture
def target(tmp_path: Path) -> Store:
    return Store.open(Settings(home=tmp_path / "target"))


@pytest.fixture
def exported(source: Store, tmp_path: Path) -> Path:
    export_project(source, PROJECT, tmp_path / "harbour.zip")
    return tmp_path / "harbour.zip"


def values(store: Store, name: str) -> dict[str, Any]:
    """All that a project shows, without the numbers of rows."""
    runs, sets = store.runs(name), store.evaluation_sets(name, every_version=True)
    hidden = ("id", "project", "job_id")
    return {
        "documents": store.documents(name),
        "sets": [store.evaluation_set(name, item.name, item.version) for item in sets],
        "configurations": store.configurations(name),
        "prompts": store.versions(name, "prompt"),
        "draft": store.draft(name, "prompt", "answer"),
        "votes": store.votes(name),
        "ladder": [(step["decision"], step["note"], step["saved_at"]) for step in ladder(store, name)],
        "runs": [{f: getattr(run, f) for f in run.__dataclass_fields__ if f not in hidden} for run in runs],
        "records": [store.records(run.id, trace=True) for run in runs],
        "scores": list(store.scores([run.id for run in runs]).values()),
    }


def test_a_project_is_the_same_in_another_workspace(source: Store, target: Store, exported: Path) -> None:
    made = import_project(target, exported)
    assert (made.name, made.description) == (PROJECT, source.project(PROJECT).description)
    assert values(target, PROJECT) == values(source, PROJECT)
    results = [result_of(store, [run.id for run in store.runs(PROJECT)]) for store in (source, target)]
    before, after = (json.dumps(result, default=str, sort_keys=True) for result in results)
    assert before == after


def test_what_names_a_run_names_it_by_its_new_number(source: Store, target: Store, exported: Path) -> None:
    seed_project(target, "other", questions=2, runs=3)
    import_project(target, exported)
    newest = target.runs(PROJECT)[0]
    assert newest.id != source.runs(PROJECT)[0].id
    (job,) = target.jobs(PROJECT)
    assert job.result == {"runs": [newest.id]}
    (label,) = labels(target, PROJECT).values()
    assert (label.run_id, label.answer) == (newest.id, "1712")
    assert [step["run_id"] for step in ladder(target, PROJECT)] == [newest.id]
    assert target.record(newest.id, "q1").example.id == "q1"


def test_the_file_holds_no_path_of_this_machine_and_nothing_that_is_under_way(
    source: Store, target: Store, exported: Path
) -> None:
    with zipfile.ZipFile(exported) as archive:
        text = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
        manifest = json.loads(archive.read("manifest.json"))
    assert str(source.home) not in text
    assert "/home/somebody" not in text
    assert '"under"' not in text
    assert (manifest["format"], manifest["version"], manifest["rows"]["runs"]) == ("llmopt-project", 1, 3)
    import_project(target, exported)
    (job,) = target.jobs(PROJECT)
    assert job.error == f"{target.home}/llmopt.db is full"
    assert job.arguments == {"file": "questions.jsonl"}


def test_texts_that_look_like_paths_are_copied_as_they_are(source: Store) -> None:
    home = str(source.home)
    spec = {
        "name": "/no/think",
        "model": {"endpoint": "builtin", "stop": ["/a/b", home]},
        "prompt": {"system": f"Look into {home}base and {home}/x.", "template": "/etc/{{question}}"},
        "retrieval": {"embedding": {"model": f"{home}/embeddings/ours"}, "rerank": {"model": "/srv/models/theirs"}},
    }
    source.save_configuration(PROJECT, "/no/think", spec, "0123456789abcdef")
    source.save_version(PROJECT, "prompt", "path", spec["prompt"])
    reply = {"role": "assistant", "content": "/usr/bin/env"}
    source.save_version(PROJECT, "training-set", "paths", {"examples": [{"messages": [reply], "path": "/a/b/c"}]})

    copy_project(source, PROJECT, "copy")

    copied = next(item.spec for item in source.configurations("copy") if item.name == "/no/think")
    theirs = {**spec["retrieval"], "rerank": {"model": "theirs"}}
    assert copied == {**spec, "retrieval": theirs}
    for kind in ("prompt", "training-set"):
        assert [one.body for one in source.versions("copy", kind)] == [
            one.body for one in source.versions(PROJECT, kind)
        ]


def test_a_run_under_way_comes_as_far_as_it_is(source: Store, target: Store) -> None:
    job = source.start_job("evaluation", PROJECT, {})
    run = source.runs(PROJECT)[-1]
    source.resume_run(run.id, job)
    file = io.BytesIO()
    export_project(source, PROJECT, file)
    import_project(target, file)
    came = target.runs(PROJECT)[-1]
    assert (came.status, came.done, came.job_id) == ("interrupted", 8, None)
    assert target.resume_run(came.id).status == "running"


@pytest.mark.parametrize("way", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_refused(target: Store, exported: Path, way: int) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(exported) as archive, zipfile.ZipFile(buffer, "w", way) as packed:
        for name in archive.namelist():
            packed.writestr(name, archive.read(name))
    with pytest.raises(BadInput, match="packed in a way that those never are"):
        import_project(target, buffer)


def test_a_taken_name_gets_a_number_and_a_wished_one_is_refused(source: Store, exported: Path) -> None:
    assert import_project(source, exported).name == "harbour (2)"
    assert import_project(source, exported).name == "harbour (3)"
    with pytest.raises(BadInput, match="There is a project named before already"):
        import_project(source, exported, "before")
    assert [project.name for project in source.projects()] == ["before", PROJECT, "harbour (2)", "harbour (3)"]


def test_a_copy_is_a_project_of_its_own(source: Store) -> None:
    copy_project(source, PROJECT, "copy")
    assert values(source, "copy") == values(source, PROJECT)
    source.delete_document("copy", "harbour.md")
    source.delete_runs([run.id for run in source.runs("copy")])
    assert len(source.runs(PROJECT)) == 3
    assert len(source.documents(PROJECT)) == 2


def changed(file: Path, change: Callable[[dict[str, bytes]], object]) -> io.BytesIO:
    """The file with other contents."""
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    change(entries)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    buffer.seek(0)
    return buffer


def manifest_with(**more: object) -> Callable[[dict[str, bytes]], object]:
    def change(entries: dict[str, bytes]) -> None:
        entries["manifest.json"] = json.dumps(json.loads(entries["manifest.json"]) | more).encode()

    return change


def first_row(table: str, **more: object) -> Callable[[dict[str, bytes]], object]:
    def change(entries: dict[str, bytes]) -> None:
        first, *others = entries[f"tables/{table}.jsonl"].splitlines()
        entries[f"tables/{table}.jsonl"] = b"\n".join([json.dumps(json.loads(first) | more).encode(), *others])

    return change


BROKEN = {
    "it holds '../../evil.py', which does not belong": lambda e: e.update({"../../evil.py": b"x"}),
    "it holds 'tables/claims.jsonl'": lambda e: e.update({"tables/claims.jsonl": b"{}"}),
    "it has no manifest.json": lambda e: e.pop("manifest.json"),
    "its manifest cannot be read": lambda e: e.update({"manifest.json": b"[" * 100_000}),
    "its manifest is not that of one": manifest_with(format="other"),
    "of version 99, and this program reads version 1: update the program": manifest_with(version=99),
    "8 documents are announced, 2 there": manifest_with(rows={"documents": 8}),
    "records are announced, 0 there": lambda e: e.pop("tables/records.jsonl"),
    "would unpack to far more": lambda e: e.update({"tables/drafts.jsonl": b" " * 200_000_000}),
    r"tables/runs.jsonl line 1 cannot be read": lambda e: e.update({"tables/runs.jsonl": b"{" + b"\n"}),
    r"\(runs\) is not what it should be: total holds str": first_row("runs", total="many"),
    r"\(runs\) is not what it should be: total holds bool": first_row("runs", total=True),
    r"\(runs\) is not what it should be: columns \['owner_pid'\]": first_row("runs", owner_pid=1),
    r"\(runs\) is not what it should be: .*seconds holds float": first_row("runs", seconds=float("nan")),
    r"\(runs\) is not what it should be: .*": first_row("runs", created_at=1e300),
    r"\(records\) points to nothing \(99\)": first_row("records", run_id=99),
    r"\(scores\) is not what it should be: metric is empty": first_row("scores", metric=None),
}


@pytest.mark.parametrize("words", BROKEN)
def test_a_broken_or_foreign_file_is_refused_in_a_sentence_and_leaves_nothing(
    target: Store, exported: Path, words: str
) -> None:
    with pytest.raises(BadInput, match=words):
        import_project(target, changed(exported, BROKEN[words]))
    assert target.projects() == []
    assert target.runs() == []


@pytest.mark.parametrize("content", [b"", b"no zip at all", b"PK\x03\x04 cut"])
def test_what_is_no_zip_is_refused(target: Store, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.zip").write_bytes(content)
    with pytest.raises(BadInput, match=r"odd\.zip is no project file"):
        import_project(target, tmp_path / "odd.zip")


def test_a_device_is_no_project_file(target: Store) -> None:
    with pytest.raises(BadInput, match="/dev/null is a folder, pipe or device, not a file on disk"):
        import_project(target, Path("/dev/null"))


def test_a_copy_needs_a_name(source: Store) -> None:
    before = source.projects()
    with pytest.raises(BadInput, match="A project's name has 1 to 200 visible characters"):
        copy_project(source, before[0], " ")
    assert source.projects() == before


def test_a_server_that_is_lost_on_the_way_leaves_no_row_twice(source: Store, exported: Path) -> None:
    losses = [DatabaseConnectionError("gone")]

    @sa.event.listens_for(source.database.engine, "before_cursor_execute")
    def lose(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if losses and "records.trace" in statement:
            raise losses.pop()

    again = io.BytesIO()
    export_project(source, PROJECT, again)
    assert not losses
    with zipfile.ZipFile(exported) as archive, zipfile.ZipFile(again) as other:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            name: other.read(name) for name in other.namelist()
        }


def test_a_file_is_written_and_read_in_pieces(
    source: Store, target: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Sink(io.BytesIO):
        longest = 0

        def write(self, data: Any, /) -> int:
            self.longest = max(self.longest, len(data))
            return super().write(data)

    source.save_documents(PROJECT, [Document("long.txt", random.Random(1).randbytes(2_000_000).hex())])
    sink = Sink()
    export_project(source, PROJECT, sink)
    assert sink.longest < 1_000_000 < sink.tell()
    events = []
    real = project_file.to_absolute_paths
    monkeypatch.setattr(project_file, "to_absolute_paths", lambda *given: (events.append("read"), real(*given))[1])
    listen = sa.event.listens_for(target.database.engine, "before_cursor_execute")
    listen(lambda _c, _cursor, statement, *_: events.append(statement[:21]))
    import_project(target, sink)
    assert events.index("INSERT INTO documents") < events.index("read") + 3


def test_a_body_that_would_unpack_to_far_more_is_not_unpacked(
    target: Store, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codec, "_LARGEST", 10 * 2**20)
    dense = {"raw": base64.b64encode(zlib.compress(b'"' + b" " * 20_000_000 + b'"')).decode()}
    import_project(target, changed(exported, first_row("documents", body=dense)))
    (bad,) = (document for document in target.documents(PROJECT) if not document.text)
    assert target.unreadable(PROJECT) == (
        f"Document {bad.name} could not be read (it would unpack to more than 10 MB).",
    )


def test_a_damaged_file_is_refused(target: Store, exported: Path) -> None:
    content = bytearray(exported.read_bytes())
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(BadInput):
        import_project(target, io.BytesIO(content))
    assert target.projects() == []


def test_deleting_takes_the_indexes_along_that_nobody_else_can_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llmopt_core.index import index_inventory

    settings = Settings(home=tmp_path)
    store = Store.open(settings)
    for name, documents in (("mine", ("a.txt", "b.txt")), ("other", ("a.txt", "c.txt"))):
        store.ensure_project(name)
        store.save_documents(name, [Document(d, f"text of {d}") for d in documents])
    there = {"1": {"a.txt", "b.txt"}, "2": {"a.txt"}, "3": {"c.txt"}, "4": {"b.txt"}}
    matches = [index_inventory.IndexSummary(n, "e", 1, frozenset(d), 1, 0.0) for n, d in there.items()]
    removed: list[str] = []
    monkeypatch.setattr(index_inventory, "list_indexes", lambda _: matches)
    monkeypatch.setattr(index_inventory, "delete_index", lambda _, name: removed.append(name) is None)
    assert delete_project(store, settings, "mine") == 2
    assert removed == ["1", "4"]
    assert [project.name for project in store.projects()] == ["other"]


def test_training_of_a_project_holds_it_and_goes_with_it(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    store = Store.open(settings)
    project, other = store.create_project("mine"), store.create_project("other")
    folders = []
    for owner, provider in ((project, "local"), (project, "service"), (other, "local")):
        request = JobRequest(name=f"job{len(folders)}", base_model="builtin")
        folder = new_folder(settings, request, "lora", colours(8), None)
        folder.update_state(status="running", provider=provider)
        save_owner(settings, folder.job(), owner)
        folders.append(folder)
    with pytest.raises(BadInput, match="The project mine is in use by the fine-tuning job job"):
        delete_project(store, settings, "mine")
    assert [one.name for one in store.projects()] == ["mine", "other"]
    for folder in folders:
        folder.update_state(status="finished")
    delete_project(store, settings, "mine")
    assert [folder.path.exists() for folder in folders] == [False, True, True]
    # SQLite gives the number of a project that is gone again, but not what belonged to it.
    store.delete_project("other")
    again = store.create_project("again")
    assert again.id == project.id
    assert list_owned_jobs(settings, again) == []


def test_the_command_line_exports_imports_copies_and_deletes(source: Store, tmp_path: Path) -> None:
    def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        import os

        return subprocess.run(
            [sys.executable, "-m", "llmopt_core.cli", "project", *arguments], capture_output=True, text=True,
            env={**os.environ, "LLMOPT_HOME": str(home)}, stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip

    file, other = str(tmp_path / "out.zip"), tmp_path / "elsewhere"
    assert run(source.home, "export", PROJECT, "--out", file).returncode == 0
    result = run(other, "import", file, "--name", "new", "--json", "-")
    assert json.loads(result.stdout) == {"project": "new", "runs": 3}
    assert run(other, "copy", "new", "twin").stdout == "new copied to twin.\n"
    refused = run(other, "delete", "new")
    assert (refused.returncode, refused.stderr) == (2, "llmopt: Deleting new cannot be undone; say --yes to do it.\n")
    assert run(other, "delete", "new", "--yes").returncode == 0
    listing = json.loads(run(other, "list", "--json", "-").stdout)["projects"]
    assert [(one["name"], one["runs"]) for one in listing] == [("twin", 3)]
    assert run(other, "import", str(tmp_path / "none.zip")).returncode == 2
