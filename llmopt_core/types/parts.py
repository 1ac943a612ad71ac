"""The parts of a split evaluation set."""

SEARCH, CONFIRM, NEVER_SEEN = "search", "confirm", "never seen"
# From the part that is looked at most to the one looked at least: what has been seen never moves to a later one.
PARTS = (SEARCH, CONFIRM, NEVER_SEEN)


def find_part(word: str) -> str | None:
    """The part that a word means: `never-seen` and `Never_Seen` are `never seen`; None where it means none."""
    part = " ".join(word.casefold().replace("-", " ").replace("_", " ").split())
    return part if part in PARTS else None
