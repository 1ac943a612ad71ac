"""Whether a change may pass: the rules, what they say of a result, and what a pipeline reads of it."""
