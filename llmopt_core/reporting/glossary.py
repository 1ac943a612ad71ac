"""Terms of the field, each in one plain sentence, to stand where the term does."""

TERMS = {
    "p": "p says how often luck alone would bring a difference at least as large.",
    "together": "Several comparisons are made at once, which makes luck likelier: p and intervals allow for it.",
    "recall": "Recall: the share of the sources that is found.",
    "mrr": "MRR: one over the rank of the first chunk that holds a source, so 1 is first and 0.5 second.",
    "ndcg": "nDCG: how high the chunks that hold a source stand, 1 where all of them come first.",
    "source": "A source is the place in a document where the answer stands.",
    "f1": "Answer F1: how many words the answer shares with the reference answer, from 0 to 1.",
    "lora": "LoRA: a small addition to the model is trained, the model itself stays as it is.",
    "rank": "Rank of the addition: how much it can learn; more takes longer and fits the examples more closely.",
    "loss": "Loss: how far the model is from the wanted answers; lower is closer.",
    "bm25": "BM25: finds chunks that share words with the question, rare words counting most.",
    "dense": "Dense: finds chunks that mean about the same, by an embedding model, though no word is shared.",
    "hybrid": "Hybrid: both of them, merged.",
    "rrf": "RRF: merged by places alone, so that a chunk that stands high in either list comes first.",
    "hyde": "HyDE: a model invents a passage that would answer the question, and what resembles it is searched.",
    "late": "Late interaction: every word of the question looks for its best match in the chunk.",
    "cross": "Cross-encoder: a model reads question and chunk together, which is slower and often better.",
    "llm_rerank": "LLM: a chat model judges the chunks; each is a call.",
    "mmr": "MMR: a chunk that says what a better one says already is passed over.",
    "cosine": "Cosine similarity: 1 where the meaning is the same, 0 where it has nothing in common.",
    "iou": "IoU: the share that both have of all that either has, from 0 to 1.",
    "auc": "AUC: how often a right answer is scored above a wrong one; 0.5 is guessing, 1 is always.",
}


def explain_terms(*names: str) -> str:
    """The sentences of these terms."""
    return " ".join(TERMS[name] for name in names)
