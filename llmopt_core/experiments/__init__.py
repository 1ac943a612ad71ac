"""The engine: a configuration and an evaluation set -> stages in order -> a recorded run, compared with others."""
