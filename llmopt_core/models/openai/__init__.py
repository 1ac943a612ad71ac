"""OpenAI-compatible endpoints: requests, answers, streams, refusals."""
