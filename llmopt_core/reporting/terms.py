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
    "auc": "AUC: how often a right answer is scored above a wrong one; 0.5 is guessing, 1 is always.",
}


def explained(*names: str) -> str:
    """The sentences of these terms."""
    return " ".join(TERMS[name] for name in names)
