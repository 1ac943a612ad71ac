"""The text of documents: read, turned by pages, and drawn as a window with bands and marks."""
