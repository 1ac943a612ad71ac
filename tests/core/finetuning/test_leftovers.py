"""A killed trainer leaves nothing behind, and ids of jobs sort by age whatever the clock says."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from llmopt_core.finetuning.jobs import new_folder as folder_names
from llmopt_core.finetuning.jobs.folder import JobFolder, all_folders, reconcile
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.finetuning.jobs.new_folder import new_folder
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import draft_of, replace_file
from tests.core.finetuning.helpers import colours

# Begins what a trainer writes in every place of the workspace, and is killed in the middle.
_KILLED = """
import os, signal, sys
from pathlib import Path
from llmopt_core.finetuning.jobs.folder import SCRATCH, JobFolder
from llmopt_core.text.drafts import draft_of, replace_file
home, folder = Path(sys.argv[1]), JobFolder(Path(sys.argv[2]))
folder.claim(os.getpid())
folder.update_state(status="running")
(folder.path / SCRATCH / "torch").mkdir(parents=True)
for place in (home / "models" / "base-trainable", home / "embeddings" / "tuned", folder.path.parent / "20991231"):
    draft_of(place).mkdir(parents=True)
    (draft_of(place).parent / "whole").mkdir(exist_ok=True)
os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
replace_file(folder.path / "checkpoints" / "last.pt", b"half")
"""


def job(settings: Settings, name: str) -> JobFolder:
    request = JobRequest(name=name, base_model="builtin")
    return new_folder(settings, request, "lora", colours(8), None)


def hidden(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.rglob(".*") if not path.name.endswith(".lock"))


def test_nothing_is_left_of_a_killed_trainer(settings: Settings) -> None:
    folder = job(settings, "tuned")
    killed = subprocess.run([sys.executable, "-c", _KILLED, str(settings.home), str(folder.path)], check=False)
    assert killed.returncode == -9
    assert len(hidden(settings.home)) == 5
    mine = draft_of(settings.home / "models" / "other")
    mine.mkdir()
    assert reconcile(folder).status == "interrupted"
    assert hidden(settings.home) == [str(mine.relative_to(settings.home))]
    assert (settings.home / "models" / "whole").is_dir()
    replace_file(folder.path / "checkpoints" / "last.pt", b"whole")
    assert (folder.path / "checkpoints" / "last.pt").read_bytes() == b"whole"


def test_jobs_are_ordered_by_when_they_were_made_though_the_clock_jumps_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Backwards(datetime):
        hours = 0

        @classmethod
        def now(cls, tz: object = None) -> datetime:
            cls.hours += 1
            return datetime(2026, 10, 25, 3) - timedelta(hours=cls.hours)

    monkeypatch.setattr(folder_names, "datetime", Backwards)
    results = [job(settings, f"job{number}").id for number in range(4)]
    assert results == sorted(results)
    assert [folder.id for folder in all_folders(settings)] == results[::-1]
