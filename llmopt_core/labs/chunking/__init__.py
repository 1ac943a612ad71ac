"""Which chunking serves the questions best: every setting is measured by what it retrieves; nothing is answered."""
