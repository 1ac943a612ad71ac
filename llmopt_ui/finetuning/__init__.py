"""The Fine-tuning page: data, checks, jobs, the 2 x 2, embedding models."""
