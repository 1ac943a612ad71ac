"""What text is made of: scripts, words, sentences, differences, thinking and JSON in replies, CSV, YAML, files."""
