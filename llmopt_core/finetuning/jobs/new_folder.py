"""Making the folder of a fine-tuning job."""

from __future__ import annotations

import os
import secrets
import time
from datetime import datetime, timedelta
from pathlib import Path

from llmopt_core.errors import BadInput
from llmopt_core.finetuning.data.examples import TrainingSet
from llmopt_core.finetuning.data.rules import check_example
from llmopt_core.finetuning.jobs.folder import JobFolder, jobs_root
from llmopt_core.finetuning.jobs.job import JobRequest
from llmopt_core.settings import Settings
from llmopt_core.text.drafts import draft_of, replace_file


def new_folder(
    settings: Settings, request: JobRequest, kind: str, training: TrainingSet, validation: TrainingSet | None
) -> JobFolder:
    """Make a job's folder with request and data, complete before it gets its final name.

    Raises:
        BadInput: A set is empty, or an example is broken or of the wrong kind for the method.
        StorageError: The workspace cannot be written.
    """
    _check_sets(request, training, validation)
    root = jobs_root(settings)
    job_id = _next_id(root)
    draft = JobFolder(draft_of(root / job_id))
    replace_file(draft.path / "training.jsonl", training.to_jsonl())
    if validation is not None:
        replace_file(draft.path / "validation.jsonl", validation.to_jsonl())
    draft.write(
        "request.json",
        {
            "request": request.model_dump(mode="json"),
            "kind": kind,
            "created_at": time.time(),
            "data_version": training.version,
            "data_name": training.name,
            "validation_version": validation.version if validation else "",
        },
    )
    # Until its worker starts, the job belongs to the process that made it.
    draft.claim(os.getpid())
    return JobFolder(draft.path.rename(root / job_id))


def _next_id(root: Path) -> str:
    """An id that sorts after every other one, even where the clock was set back since."""
    moment = datetime.now()
    # Every id begins with a year. Names of drafts begin with a dot and are not matched.
    newest = max((path.name for path in root.glob("[0-9]*")), default="")
    try:
        last = datetime.strptime(newest[: len(_MOMENT)], _ID_TIME)
    # A folder that somebody made by hand.
    except ValueError:
        last = datetime.min
    # Milliseconds are all that an id tells.
    # Sorting by name is sorting by time in every list; so a clock that was set back must not make an older-looking id.
    moment = max(moment, last + timedelta(milliseconds=1)) if newest else moment
    # Two jobs of one millisecond, begun by two processes, differ in these four digits.
    return f"{moment.strftime(_ID_TIME)[: len(_MOMENT)]}{secrets.token_hex(2)}"


_ID_TIME = "%Y%m%d-%H%M%S-%f"
_MOMENT = "20260102-030405-678"  # only its length counts: the moment cut to milliseconds


def _check_sets(request: JobRequest, training: TrainingSet, validation: TrainingSet | None) -> None:
    required_kind = "preference" if request.method == "dpo" else "chat"
    for name, part in (("training", training), ("validation", validation)):
        if part is None:
            continue
        if not part.examples:
            raise BadInput(f"The {name} set {part.name} is empty; add examples, or leave the validation set out.")
        if part.kind != required_kind:
            raise BadInput(f"The {name} set {part.name} holds {part.kind} examples; the method {request.method} needs "
                           f"{required_kind} examples.")  # fmt: skip
        for number, example in enumerate(part.examples, 1):
            if errors := [problem for problem in check_example(example.to_openai()) if problem.is_error]:
                raise BadInput(f"The {name} set {part.name}, example {number}: {errors[0].message}.")
