"""A data source -> its schema; an executor that only reads, within limits; comparison of results."""
