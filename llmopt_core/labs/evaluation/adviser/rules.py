"""The rules: what is advised for which cause of failures, in which order, and what says that it may help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from llmopt_core.labs.evaluation.adviser.causes import RERANK_TO, Cause
from llmopt_core.labs.evaluation.adviser.step import Area, Preparation


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule.

    Attributes:
        title: What to do.
        advice: What it changes, and why that helps with such failures.
        elsewhere: What it brought where it was measured, with the place; empty where nothing was.
        calls: Further model calls per question that it takes.
        effort: What it takes beside a run; empty where nothing.
        preparation: What the button makes ready, where a changed setting does not try it.
    """

    title: str
    advice: str
    area: Area
    view: str = ""
    elsewhere: str = ""
    calls: int = 0
    effort: str = ""
    preparation: Preparation = ""


# The measurements stand in `docs/retrieval.md` and `benchmarks/README.md`; the ladder is the talk's own example
# (A Survey of Techniques for Maximizing LLM Performance: 45, 65, 85, 98 %).
RULES: Mapping[str, Rule] = {
    "rag": Rule(
        "Give the model your documents",
        "What it does not know it has to look up: training teaches a manner, and no facts.",
        "evaluation", "Configurations",
        "On the sample project answer F1 rose from .07 to .21 with three chunks, and to .36 with one good chunk.",
    ),
    "database-tool": Rule(
        "Answer questions about figures from a database",
        "Load the tables into a database and let the model write a query: the database adds, counts and compares. "
        "Chunks of tables cannot be added up by reading.",
        "documents", "Files",
        "A tool of this kind was one of the steps from 85 to 98 % in the talk's example.",
        effort="Setting up a data source by hand", preparation="database",
    ),
    "chunk-size": Rule(
        "Cut the documents otherwise: larger chunks, with an overlap",
        "The answer stands on both sides of a border, so that no chunk holds it whole. A sweep finds the size without "
        "asking a model.",
        "documents", "Sweep",
        "Chunk size and embedding were the step from 45 to 65 % in the talk's example.",
        effort="Indexing the documents once more",
    ),
    "larger-k": Rule(
        "Hand over more chunks",
        "The source stands right behind the chunks that are given.",
        "retrieval", "More chunks",
    ),
    "rerank": Rule(
        "Rerank the candidates",
        "The source is found and stands too low: a reranker reads question and chunk together and brings it up.",
        "retrieval", "Whole set",
        "Late interaction raised the recall of the first chunk from .82 to .945 on XQuAD English; on a language that "
        "its model does not read it can hurt.",
    ),
    "hybrid-search": Rule(
        "Search by words and meaning together",
        "Question and source do not meet by meaning alone: names, numbers and terms are found by their words. Where "
        "they share no words either, HyDE or further wordings come next.",
        "retrieval", "Whole set",
        "Hybrid search raised MRR by .03 to .04 on XQuAD English and by .2 to .5 on Chinese.",
    ),
    "query-expansion": Rule(
        "Search with an invented answer or further wordings (HyDE, expansion)",
        "The question uses other words than the documents: a model writes what the source would say, and that is "
        "searched with. It needs a stronger model than the built-in one.",
        "retrieval", "One question",
        "With the built-in model as writer it hurt on XQuAD; in the talk's example HyDE was dropped and expansion "
        "kept.",
        calls=1,
    ),
    "fine-tune-embeddings": Rule(
        "Fine-tune the embedding model on your questions",
        "Search by words, further wordings and reranking are in use or brought nothing: what is left is to teach the "
        "embedding your documents' language.",
        "finetuning", "Embedding model",
        "It was tried and dropped in the talk's example, so it comes last.",
        effort="Minutes of training on this machine", preparation="pairs",
    ),
    "smaller-k": Rule(
        "Hand over fewer chunks",
        "The source is among the first; the chunks behind it distract the model and cost tokens.",
        "retrieval", "More chunks",
        "On the sample project one reranked chunk of 120 tokens answered better than three of 200: .36 against .21.",
    ),
    "grounded-prompt": Rule(
        "Tell the model to answer from the given text alone",
        "It has the source and adds what the text does not say: an instruction binds it to the text and lets it say "
        "that it does not know.",
        "prompts", "Editor",
    ),
    "fact-check": Rule(
        "Check the answer's claims against the chunks",
        "Claims that no chunk supports are taken out before the answer counts.",
        "evaluation", "Configurations", calls=1,
    ),
    "prompt": Rule(
        "Say in the prompt what is asked for",
        "The facts are right and the answer passes the question by: tell the model to answer what is asked, and how.",
        "prompts", "Editor",
    ),
    "few-shot": Rule(
        "Show the model examples of good answers",
        "Two or three examples show form and manner better than a longer instruction.",
        "prompts", "Few-shot",
        "The built-in model reached an F1 of .33 with two examples, and .12 with the instruction alone.",
        preparation="few-shot",
    ),
    "fine-tune": Rule(
        "Fine-tune the model",
        "It has the knowledge and the examples; what it still lacks is manner, which training teaches. It also makes "
        "long instructions unnecessary.",
        "finetuning", "Training data",
        effort="50 to 100 good answers as training data, and a training", preparation="training-set",
    ),
    "stronger-model": Rule(
        "Try a stronger model",
        "Prompt, examples and context are in order: what is left is how well the model reads.",
        "evaluation", "Run", preparation="model",
    ),
    "failed-records": Rule(
        "Look at the records that failed",
        "They count as not scored; asked again, they may be answered.",
        "evaluation", "Results",
    ),
}  # fmt: skip

# For each cause the first rule is tried first; what a configuration has, and what was tried and brought nothing, is
# passed over.
CHAINS: Mapping[Cause, tuple[str, ...]] = {
    "error": ("failed-records",),
    "no-knowledge": ("rag",),
    "table": ("database-tool",),
    "cut-source": ("chunk-size", "hybrid-search", "rerank"),
    "just-outranked": ("larger-k", "rerank", "hybrid-search"),
    "outranked": ("rerank", "hybrid-search", "query-expansion", "larger-k", "fine-tune-embeddings"),
    # A reranker cannot bring up what was not found.
    "not-found": ("hybrid-search", "query-expansion", "fine-tune-embeddings"),
    "not-given": ("hybrid-search", "query-expansion", "rerank", "fine-tune-embeddings"),
    "noisy-context": ("rerank", "smaller-k", "hybrid-search"),
    "too-much-context": ("smaller-k", "rerank"),
    "unsupported": ("grounded-prompt", "fact-check", "smaller-k", "few-shot", "fine-tune", "stronger-model"),
    "off-question": ("prompt", "few-shot", "fine-tune", "stronger-model"),
    "refused": ("prompt", "few-shot", "stronger-model"),
    "format": ("few-shot", "fine-tune"),
    # A small reader loses its way among several chunks; training costs more than any of these.
    "unread": ("few-shot", "smaller-k", "fine-tune", "stronger-model"),
}

# What a fact check takes out becomes no right answer: it keeps a wrong one from counting. So of equally many failures a
# step that may mend them comes first.
WITHHOLDING = ("fact-check",)

WHY: Mapping[Cause, str] = {
    "error": "no answer came",
    "no-knowledge": "nothing tells the model the facts: it answers from memory",
    "table": "they ask for figures of tables",
    "cut-source": "the passage that holds the answer is cut by a chunk's border",
    "just-outranked": "the source stands right behind the chunks that are given",
    "outranked": f"the source was found at rank 4 to {RERANK_TO} and was not given",
    "not-found": "retrieval did not find the source",
    "not-given": "the source was not among the chunks that were given",
    "noisy-context": "the source stands behind chunks that are of no use",
    "too-much-context": "the source was given among many chunks and was not used",
    "unsupported": "the answers claim what the given chunks do not say",
    "off-question": "the answers pass the question by, though the facts were there",
    "refused": "the model declined to answer, though it was given the source",
    "format": "the content is right and the form is not",
    "unread": "the source was given and the answer says something else",
}
