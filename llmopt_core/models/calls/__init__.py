"""Around every call of a model: the cache, the limiter, the meter."""
