"""The built-in chat model: llama.cpp's server, its weights and what only it can do."""
