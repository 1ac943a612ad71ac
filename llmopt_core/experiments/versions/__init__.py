"""What a project keeps in numbered versions: prompts, few-shot sets, training sets."""
