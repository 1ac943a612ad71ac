"""The retrieval lab: one question seen stage by stage, and what each part earns over a whole evaluation set."""
