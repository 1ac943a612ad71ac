"""Questions that a query answers: labelled sets, their golds, and the strategies that write queries."""
