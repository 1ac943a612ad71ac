"""Fine-tuning at an OpenAI-compatible service."""
