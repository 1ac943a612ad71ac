"""What commands that call models need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from llmopt_core.cli.output import note, pairs

if TYPE_CHECKING:
    from pathlib import Path

    from llmopt_core.experiments.configuration import Configuration
    from llmopt_core.experiments.experiment_file import Experiment
    from llmopt_core.models.endpoints import Endpoint
    from llmopt_core.models.registry import Models
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings
    from llmopt_core.types import Document


def open_workspace() -> tuple[Settings, Store]:
    """The environment's settings, and the store of the workspace they name."""
    from llmopt_core.runs.store import Store
    from llmopt_core.settings import Settings

    settings = Settings.from_environment()
    return settings, Store.open(settings)


def confirm_hosts(endpoints: Mapping[str, Endpoint], has_consent: bool) -> None:
    """Let a file's endpoints be used where their hosts are known, or the user trusts them.

    Raises:
        BadInput: They are new here and `--trust` was not given.
    """
    from llmopt_core.models.trust import check_trust, new_destinations, trust

    # `Settings` names the type above, which is not imported when the program runs.
    from llmopt_core.settings import Settings as Read

    settings = Read.from_environment()
    # Only those that are new are told: the others were trusted before.
    if has_consent:
        new = new_destinations(settings, endpoints.values())
        trust(settings, new)
        for destination in new:
            note(f"llmopt: trusted from now on: {destination}")
    # Also after `--trust`: the check decides, the option only adds to what it knows.
    # A file from elsewhere could else send documents and keys to a host of its author's.
    check_trust(settings, endpoints.values(), "run it again with --trust")


def read_experiment(
    file: Path, column: list[str] | None, encoding: str, has_consent: bool, split: str = ""
) -> Experiment:
    """The experiment of a file, with what is to be said of it said, and its hosts confirmed.

    Raises:
        BadInput: As `load_experiment` and `confirm_hosts`.
    """
    from llmopt_core.experiments.experiment_file import load_experiment

    _, store = open_workspace()
    experiment = load_experiment(file, pairs(column), encoding, store, split)
    # What was read otherwise than it may be meant: told before its questions cost anything.
    for line in experiment.notes:
        note(f"llmopt: {line}")
    confirm_hosts(experiment.endpoints, has_consent)
    return experiment


def note_windows(
    configurations: Iterable[Configuration], documents: Sequence[Document], models: Models, store: Store
) -> None:
    """Say on stderr where chunks are longer than what the embedding model reads."""
    from llmopt_core.experiments.indexing import read_chunks
    from llmopt_core.experiments.truncation_warnings import window_note

    for configuration in configurations:
        retrieval = configuration.retrieval
        # Cut as the index was, so they come from the cache; None where a configuration retrieves nothing.
        chunks = None if retrieval is None else read_chunks(retrieval, documents, models)
        if retrieval is not None and chunks and (warning := window_note(retrieval, chunks, documents, models)):
            note(f"llmopt: {configuration.name}: {warning}")


def note_long_questions(configurations: Iterable[Configuration], questions: Sequence[str], models: Models) -> None:
    """Say on stderr where questions are longer than what the embedding model reads."""
    from llmopt_core.experiments.truncation_warnings import question_note

    for configuration in configurations:
        # Without retrieval no question is embedded.
        if configuration.retrieval and (warning := question_note(configuration.retrieval, questions, models)):
            note(f"llmopt: {configuration.name}: {warning}")


def open_models(store: Store, experiment: Experiment, concurrency: int | None = None) -> Models:
    """The models of an experiment file: the environment's endpoints with the file's over them.

    What was imported from promptfoo may be answered by its `echo`.
    """
    from llmopt_core.interop.promptfoo.providers import ECHO, register_echo

    models = models_with(store, experiment.endpoints, concurrency)
    endpoint_names = {configuration.model.endpoint for configuration in experiment.configurations}
    # A file's own endpoint of that name is somebody's server, and must not be answered by an echo.
    if ECHO in endpoint_names and ECHO not in experiment.endpoints:
        register_echo(models)
    return models


def models_with(store: Store, own: Mapping[str, Endpoint], concurrency: int | None = None) -> Models:
    """Models of the environment's endpoints with a file's own over them.

    Whoever asks for so many questions at once means that many calls, so an endpoint's own limit is raised to it; the
    built-in model keeps its own.
    """
    from llmopt_core.models.base import BUILTIN
    from llmopt_core.models.endpoints import endpoints_from
    from llmopt_core.models.registry import Models
    from llmopt_core.settings import Settings as Read

    settings = Read.from_environment()
    # The file's over the environment's: whoever wrote the experiment meant these addresses.
    endpoints = {**endpoints_from(settings, os.environ), **own}
    if concurrency is not None:
        endpoints = {
            name: endpoint
            if name == BUILTIN
            # Never lowered: the limit of an endpoint may be higher, for several questions of one run share it.
            else endpoint.model_copy(update={"max_concurrency": max(concurrency, endpoint.max_concurrency)})
            for name, endpoint in endpoints.items()
        }
    return Models(settings, cache=store.cache, endpoints=endpoints)
