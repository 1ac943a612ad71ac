"""One folder per lab. Each may use everything below, none another lab."""
