"""Every kind of job, by its place: a kind is imported when a job of it is asked for or done."""

from __future__ import annotations

from llmopt_core.jobs.kind import JobKinds

_PLACES = {
    "evaluation": "llmopt_core.labs.evaluation.jobs:EVALUATION",
    "evaluation-resume": "llmopt_core.labs.evaluation.jobs:RESUME",
    "chunk-sweep": "llmopt_core.labs.chunking.jobs:SWEEP",
    "question-writing": "llmopt_core.labs.documents.jobs:WRITING",
    "few-shot-worth": "llmopt_core.labs.prompts.search_jobs:EFFECT",
    "few-shot-choice": "llmopt_core.labs.prompts.search_jobs:EXAMPLE_CHOICE",
    "instruction-search": "llmopt_core.labs.prompts.search_jobs:INSTRUCTION_SEARCH",
    "retrieval-measure": "llmopt_core.labs.retrieval.jobs:MEASURE_KIND",
    "retrieval-measure-estimate": "llmopt_core.labs.retrieval.jobs:MEASURE_PILOT",
    "leave-one-out": "llmopt_core.labs.retrieval.jobs:ABLATION_KIND",
    "leave-one-out-estimate": "llmopt_core.labs.retrieval.jobs:ABLATION_PILOT",
    "chunk-count-sweep": "llmopt_core.labs.retrieval.jobs:SWEEP_KIND",
    "chunk-count-sweep-estimate": "llmopt_core.labs.retrieval.jobs:SWEEP_PILOT",
    "retrieval-look": "llmopt_core.labs.retrieval.inspection_cache:LOOK_KIND",
    "distillation": "llmopt_core.labs.finetuning.example_jobs:DISTIL",
    "training-pairs": "llmopt_core.labs.finetuning.example_jobs:PAIRS",
    "embedder-before-after": "llmopt_core.labs.finetuning.embedder_gain:GAIN",
    # With a space: a name is kept with each job, so it stays as it was first stored.
    "fine-tuning start": "llmopt_core.labs.finetuning.upload_jobs:UPLOAD",
    "lora-training": "llmopt_core.labs.finetuning.training_jobs:LORA",
    "embedding-training": "llmopt_core.labs.finetuning.training_jobs:EMBEDDING",
    "comparison": "llmopt_core.labs.prompts.jobs:COMPARISON",
    "gold-audit": "llmopt_core.labs.data_questions.golds.job:AUDIT",
    "estimate": "llmopt_core.labs.evaluation.jobs:ESTIMATE",
}


def job_kinds() -> JobKinds:
    """All kinds that this version of the program knows."""
    return JobKinds(_PLACES)
