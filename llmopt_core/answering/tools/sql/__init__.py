"""A question -> a query -> its result: the strategies of text-to-SQL."""
