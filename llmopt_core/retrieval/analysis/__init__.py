"""Why retrieval found what it found: gold chunks stage by stage, maps, plain tables."""
