"""What the child process opens: one module per engine, each with its locks."""
