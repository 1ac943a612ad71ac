"""Long work that goes on when its page is left."""
