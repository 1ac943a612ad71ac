"""The chunk sweep: its form, its job, its pictures."""
