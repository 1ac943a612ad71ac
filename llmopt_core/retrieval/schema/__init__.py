"""A large schema and a question -> the tables that a query may need."""
