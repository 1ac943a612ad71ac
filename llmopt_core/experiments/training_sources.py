"""The data behind every tuned part of a configuration, compared with the questions of a run."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from llmopt_core.cache import Cache
from llmopt_core.errors import BadInput, LlmOptError
from llmopt_core.experiments.configuration import Configuration, configuration_from
from llmopt_core.experiments.search_provenance import list_search_choices
from llmopt_core.experiments.setting_choices import list_setting_choices
from llmopt_core.experiments.solved_overlap import find_solved
from llmopt_core.experiments.training_overlap import SETTINGS, PartKind, TrainedPart, TrainingOverlap, overlap_from
from llmopt_core.finetuning.data.question_overlap import QuestionOverlap, find_question_overlap, user_texts
from llmopt_core.finetuning.jobs.folder import JobFolder, all_folders, open_folder
from llmopt_core.finetuning.jobs.job import LOCAL, Job
from llmopt_core.finetuning.training.adapters import adapters, embedding_card
from llmopt_core.models.base import BUILTIN, ModelSpec
from llmopt_core.prompts.few_shot import question_of
from llmopt_core.runs.store import Store
from llmopt_core.runs.values import Project, Run
from llmopt_core.settings import Settings
from llmopt_core.types import Example, fingerprint

# Its number is raised when questions come to be compared in another way; findings of before are then not found.
_STAGE = "seen-questions-3"
# So begin OpenAI's names of tuned models.
_SERVICE_PREFIX = "ft:"
# Pages ask again at every rerun; each entry is a few numbers.
_CACHE_SIZE = 512
_overlap_cache: dict[tuple[Path, int, datetime], TrainingOverlap] = {}


@dataclass(frozen=True)
class Source:
    """A tuned part and its data.

    Attributes:
        key: Names the data, which never changes under it; empty where comparing it again costs little.
        texts: The data's questions or prompts; None where they are not known.
    """

    kind: PartKind
    name: str
    source: str
    key: str
    texts: Callable[[], Iterable[str]] | None


def training_overlap(  # noqa: PLR0917
    store: Store,
    project: Project | str,
    configuration: Configuration,
    examples: Sequence[Example],
    model_name: Callable[[ModelSpec], str] = lambda spec: spec.name,
    before: datetime | None = None,
) -> TrainingOverlap:
    """Which of these questions the tuned parts of a configuration have learned from.

    Args:
        store: Holds searches and training sets; jobs and adapters lie beside it.
        project: Whose training sets are looked through for an adapter whose job is gone.
        configuration: What is going to be run, or was.
        examples: What it is asked.
        model_name: What a service is asked for, where the spec leaves it to the endpoint.
        before: Only searches that had begun by then; all by default.
    """
    sources = list_sources(store, project, configuration, model_name, before)
    solved = find_solved(configuration.data, examples)
    if not sources and not solved:
        return TrainingOverlap(questions=len(examples))
    questions = [example.question for example in examples]
    closest_matches: dict[int, QuestionOverlap] = dict.fromkeys(solved, "near")
    choosing: set[int] = set()
    parts = [TrainedPart(kind="solved queries", source="the configuration", near=len(solved))] if solved else []
    for source in sources:
        overlaps = _find_overlap(source, questions, store.cache)
        parts.append(_part(source, overlaps))
        if source.kind in SETTINGS:
            choosing |= set(overlaps or ())
            continue
        for number, kind in (overlaps or {}).items():
            # Of several parts the closest match of a question counts.
            if closest_matches.get(number) != "exact":
                closest_matches[number] = kind
    kinds = list(closest_matches.values())
    return TrainingOverlap(
        questions=len(examples),
        exact=kinds.count("exact"),
        near=kinds.count("near"),
        chosen=len(choosing),
        parts=tuple(parts),
    )


def overlap_of(store: Store, run: Run) -> TrainingOverlap:
    """What is stored with a run; for a run from before it was stored, what can be found out now."""
    stored_overlap = overlap_from(run.training)
    if stored_overlap is not None:
        return stored_overlap
    # The id of a run that was deleted may be given again.
    key = (store.home, run.id, run.created_at)
    if key not in _overlap_cache:
        while len(_overlap_cache) >= _CACHE_SIZE:
            # The oldest, as dictionaries keep their order; another thread may have taken it out already.
            _overlap_cache.pop(next(iter(_overlap_cache)), None)
        _overlap_cache[key] = _derive_overlap(store, run)
    return _overlap_cache[key]


def _derive_overlap(store: Store, run: Run) -> TrainingOverlap:
    try:
        configuration = configuration_from(dict(run.configuration))
        examples = store.evaluation_set(run.project, run.evaluation_set, run.set_version).examples[: run.total]
    # The questions are gone or of another version, so nothing can be compared.
    except BadInput:
        return TrainingOverlap(questions=run.total)
    return training_overlap(store, run.project, configuration, examples, before=run.created_at)


def _part(source: Source, overlaps: dict[int, QuestionOverlap] | None) -> TrainedPart:
    kinds = list((overlaps or {}).values())
    return TrainedPart(
        kind=source.kind,
        name=source.name,
        source=source.source,
        known=overlaps is not None,
        exact=kinds.count("exact"),
        near=kinds.count("near"),
    )


def _find_overlap(source: Source, questions: Sequence[str], cache: Cache) -> dict[int, QuestionOverlap] | None:
    """The questions that stand in the data; None where it is not known."""
    if source.texts is None:
        return None
    key = fingerprint(source.key, list(questions))
    if source.key and (cached_values := cache.get_many(_STAGE, [key])):
        # What cannot be read is compared again.
        with contextlib.suppress(ValueError, TypeError):
            return {int(number): kind for number, kind in json.loads(cached_values[key])}
    try:
        overlaps = find_question_overlap(questions, source.texts())
    # The data is damaged or gone: what it holds is not known, and the run says so.
    except LlmOptError:
        return None
    if source.key:
        cache.put_many(_STAGE, {key: json.dumps(list(overlaps.items())).encode()})
    return overlaps


def list_sources(
    store: Store,
    project: Project | str,
    configuration: Configuration,
    model_name: Callable[[ModelSpec], str] = lambda spec: spec.name,
    before: datetime | None = None,
) -> list[Source]:
    """Every tuned part of a configuration; arguments as of `training_overlap`."""
    finder = _Finder(store, project)
    sources = [source for spec in configuration.models for source in finder.chat(spec, model_name(spec))]
    if configuration.retrieval is not None and not configuration.retrieval.embedding.endpoint:
        sources += finder.embedding(configuration.retrieval.embedding.model)
    shots = configuration.prompt.few_shot
    if shots is not None and shots.examples:
        texts = [question_of(shot) for shot in shots.examples]
        sources.append(Source("few-shot examples", "", "the prompt", "", lambda: texts))
    for part in list_search_choices(store, configuration.prompt, before):
        questions = part.questions
        # Bound as a default, as the name stands for another search's questions by the time it is called.
        texts_of = None if questions is None else (lambda asked=questions: asked)
        sources.append(Source(part.kind, "", f"search on {part.set_name}", "", texts_of))
    for choice in list_setting_choices(store, project, configuration, before):
        key = fingerprint(list(choice.questions))
        sources.append(Source(choice.kind, "", choice.source, key, partial(iter, choice.questions)))
    # A model may be used in several places; its data is compared once.
    return list({(source.kind, source.name, source.source): source for source in sources}.values())


class _Finder:
    """Looks up models in the workspace."""

    def __init__(self, store: Store, project: Project | str) -> None:
        self._store = store
        self._project = project
        # Models and jobs lie in the folder of this workspace, whatever the environment says.
        self._settings = Settings(home=store.home)
        self._folder_ids: set[str] = set()

    def chat(self, spec: ModelSpec, name: str) -> Iterator[Source]:
        """The adapter or the service's tuned model that a spec names."""
        if spec.adapter:
            card = next((a.card for a in adapters(self._settings) if a.name == spec.adapter), {})
            yield from self._of_card("model", spec.adapter, card)
        if spec.endpoint != BUILTIN and name:
            yield from self._of_service(spec.endpoint, name)

    def embedding(self, model: str) -> Iterator[Source]:
        """The tuned embedding model in a folder."""
        card = embedding_card(self._settings, model)
        if card is not None:
            yield from self._of_card("embedding model", Path(model).name, card)

    def _of_card(self, kind: PartKind, name: str, card: Any) -> Iterator[Source]:
        job_id, version = str(card.get("job_id") or ""), str(card.get("data_version") or "")
        try:
            yield from self._of_job(kind, name, open_folder(self._settings, job_id))
        except (LlmOptError, OSError):
            # The job was deleted or made elsewhere; its training set may be saved here under the same hash.
            texts = self._questions_of_version(version) if version else None
            yield Source(kind, name, f"training set {version}" if texts else "", version, texts)

    def _of_service(self, endpoint: str, name: str) -> Iterator[Source]:
        for folder in all_folders(self._settings):
            job = _job(folder)
            if job is None:
                continue
            tuned_model = job.tuned_model if job.provider != LOCAL else ""
            # A checkpoint carries the model's name with its step behind it.
            is_same_model = bool(tuned_model) and (name == tuned_model or name.startswith(f"{tuned_model}:"))
            if is_same_model and (job.provider == endpoint or tuned_model.startswith(_SERVICE_PREFIX)):
                yield from self._of_job("model", name, folder)
                return
        if name.startswith(_SERVICE_PREFIX):
            yield Source("model", name, "", "", None)

    def _of_job(self, kind: PartKind, name: str, folder: JobFolder) -> Iterator[Source]:
        """A job's data, and that of the tuned model it began with."""
        # Folders that were copied or edited may name each other as what they began with.
        if folder.id in self._folder_ids:
            return
        self._folder_ids.add(folder.id)
        job = _job(folder)
        if job is None:
            yield Source(kind, name, f"fine-tuning job {folder.id}", "", None)
            return
        # Without the file nothing tells what it has learned from, and the part counts as unknown.
        has_data = (folder.path / "training.jsonl").exists()
        yield Source(
            kind,
            name,
            f"fine-tuning job {folder.id}",
            folder.id,
            (lambda: _job_questions(folder)) if has_data else None,
        )
        if job.provider != LOCAL:
            yield from self._of_service(job.provider, job.base_model)
        elif kind == "embedding model":
            yield from self.embedding(job.base_model)

    def _questions_of_version(self, version: str) -> Callable[[], Iterable[str]] | None:
        from llmopt_core.experiments.versions.training_sets import training_sets

        try:
            versions = training_sets(self._store, self._project)
        except BadInput:
            # An experiment file may name a project that is not in the workspace yet.
            return None
        match = next((item for item in versions if item.version == version), None)
        if match is None:
            return None
        # The validation part chose the best step, so it is learned from as well.
        validation_examples = match.validation.examples if match.validation else ()
        return lambda: user_texts([*match.train.examples, *validation_examples])


def _job(folder: JobFolder) -> Job | None:
    """A job as its folder tells it; None for a folder that another program wrote into."""
    try:
        return folder.job()
    except (KeyError, TypeError, LlmOptError):
        return None


def _job_questions(folder: JobFolder) -> Iterator[str]:
    """What a job learned from. Its validation part chose the best step, so it is learned from as well."""
    for part in ("training", "validation"):
        training_set = folder.training_set(part)
        yield from user_texts(training_set.examples if training_set else ())
