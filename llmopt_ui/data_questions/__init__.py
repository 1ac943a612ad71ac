"""The page of data questions: sources, asking, schemas, the ladder of strategies, right queries."""
