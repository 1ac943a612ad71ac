"""The Evaluation page: choosing, running, comparing, reading single examples."""
