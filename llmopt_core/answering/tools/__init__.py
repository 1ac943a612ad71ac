"""What an answer may use beside documents: queries over a data source, and tools that the model calls itself."""
