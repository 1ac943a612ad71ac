"""The tabs of the Documents page: files, chunks, questions and their reference spans."""
