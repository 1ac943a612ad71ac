"""The auditor of golds: which of them cannot be trusted to tell right queries from wrong ones."""
