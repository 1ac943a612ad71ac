"""What all sessions share: settings, the store, the job runner. Each is safe to use from many threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project
from llmopt_core.settings import Settings
from llmopt_core.types import Spec
from llmopt_ui.keys import endpoints, environment, keys_of
from llmopt_ui.session import state

if TYPE_CHECKING:
    from llmopt_core.jobs.queue import JobRunner
    from llmopt_core.labs.finetuning.training_jobs import StoreLine
    from llmopt_core.models.registry import Models


# One for the process; a change of the environment needs a new start in any case.
@st.cache_resource(show_spinner=False)
def settings() -> Settings:
    """What the environment decides, read once."""
    return Settings.from_environment()


@st.cache_resource(show_spinner="Opening the workspace …")
def store() -> Store:
    """The workspace's store. On the first start the sample project is put in."""
    instance = Store.open(settings())
    # Also where all projects were deleted and the app is started again: an empty app teaches nobody.
    if not instance.projects():
        from llmopt_core.experiments.sample import install_sample

        install_sample(instance)
    return instance


model_plugins: list[Callable[[Models], None]] = []
"""Called with every `Models` that is made: a place to register models of your own, as the tests do."""


@st.cache_resource(show_spinner=False)
def job_runner() -> JobRunner:
    """Does long work in this process, that of processes that are gone too."""
    from llmopt_core.finetuning.jobs.folder import jobs_root
    from llmopt_core.jobs.queue import JobRunner
    from llmopt_core.labs.job_kinds import job_kinds

    runner = JobRunner(store(), settings(), job_kinds(), environ=environment(), plug_ins=_plug_in)
    if jobs_root(settings()).is_dir():
        from llmopt_core.labs.finetuning.training_jobs import StoreLine

        # Without waking anybody: this runner is not there yet.
        # Trainings of a process that is gone get into line before the runner looks at the line for the first time.
        StoreLine(store(), settings()).adopt()
    runner.start()
    return runner


def training_line() -> StoreLine:
    """Where trainings of this machine wait for their turn."""
    from llmopt_core.labs.finetuning.training_jobs import StoreLine

    return StoreLine(store(), settings(), lambda: job_runner().start())


def start_job(kind: str, project: Project | str, arguments: Spec, versions: Mapping[str, Any] | None = None) -> int:
    """Put a job in line, with the keys of this session. Returns its id."""
    return job_runner().submit(kind, project, arguments, versions=versions, keys=state().keys)


def resume_job(job_id: int) -> None:
    """Go on with a job that ended before it was done, with the keys of this session.

    Raises:
        BadInput: It cannot be resumed.
    """
    job_runner().resume(job_id, state().keys)


def _plug_in(models: Models) -> None:
    for plug_in in model_plugins:
        plug_in(models)


def model_maker() -> Callable[[], Models]:
    """Makes the models of this session, with its keys. What it gives never calls Streamlit, so a job may use it."""
    endpoints_by_name = endpoints(settings())
    # Read here, in the session's thread: jobs and event loops run in others, where Streamlit knows no session.
    keys, home, cache, plugins = keys_of(endpoints_by_name), settings(), store().cache, tuple(model_plugins)

    def make() -> Models:
        from llmopt_core.models.registry import Models

        instance = Models(home, cache=cache, endpoints=endpoints_by_name, keys=keys)
        for plug_in in plugins:
            plug_in(instance)
        return instance

    return make


def models() -> Models:
    """The models of this session. Cheap."""
    return model_maker()()
