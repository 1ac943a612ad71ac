"""Answer and example -> scores."""
