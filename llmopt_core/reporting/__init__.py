"""Tables and self-contained reports."""
