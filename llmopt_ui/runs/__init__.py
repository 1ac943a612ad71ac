"""What several pages do with runs: start them, follow them, compare them."""
