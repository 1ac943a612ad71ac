"""The store: everything a workspace remembers, in one database."""

from __future__ import annotations

from pathlib import Path

from llmopt_core.runs.cache import StoreCache
from llmopt_core.runs.engine import Database
from llmopt_core.runs.migrate import migrate
from llmopt_core.runs.store_jobs import JobStore
from llmopt_core.runs.store_judge_labels import JudgeLabelStore
from llmopt_core.runs.store_labs import LabStore
from llmopt_core.runs.store_ladder import LadderStore
from llmopt_core.runs.store_projects import ProjectStore
from llmopt_core.runs.store_records import RecordStore
from llmopt_core.runs.store_runs import RunStore
from llmopt_core.runs.store_splits import SplitStore
from llmopt_core.runs.store_transfer import TransferStore
from llmopt_core.runs.store_versions import VersionStore
from llmopt_core.runs.unreadable_rows import Unreadables
from llmopt_core.settings import Settings
from llmopt_core.workspace import make_workspace


class Store(
    ProjectStore, SplitStore, RunStore, RecordStore, JobStore, VersionStore, LabStore, LadderStore, JudgeLabelStore,
    TransferStore,
):  # fmt: skip
    """Projects, documents, evaluation sets, configurations, runs, records, jobs, versions, votes, decisions, the cache.

    Safe to share between threads; several processes may work on one workspace at the same time. Each method is one
    transaction.

    Attributes:
        cache: The stage cache in the same database.

    A stored value that cannot be read costs that value: it is left out or stands there as unreadable, and
    `unreadable` tells of it.

    Raises:
        StorageError: From any method: the disk is full, the folder read-only, the file damaged.
        WorkspaceBusy: From any method: another process held the database for 30 seconds.
    """

    def __init__(self, database_url: str, home: Path) -> None:
        # First: the database's file and the lock of its migrations lie there.
        make_workspace(home)
        self.home = home
        self.unreadables = Unreadables()
        self.database = Database(database_url)
        migrate(self.database, home)
        self.cache = StoreCache(self.database)

    @classmethod
    def open(cls, settings: Settings) -> Store:
        """The store of the workspace, made or upgraded when needed."""
        return cls(settings.database, settings.home)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
