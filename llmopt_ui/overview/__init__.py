"""The Overview page: the map of the method, the leaderboard, the next steps."""
