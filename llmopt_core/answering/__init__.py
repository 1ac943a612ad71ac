"""Question, hits and prompt -> answer."""
