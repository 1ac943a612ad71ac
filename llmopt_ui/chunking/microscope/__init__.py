"""The chunk microscope: one document under one or two chunkings."""
