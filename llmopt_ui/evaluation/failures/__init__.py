"""The tab Failures of the Evaluation page."""
