"""Question -> hits and a trace of every stage."""
