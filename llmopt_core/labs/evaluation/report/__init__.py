"""The whole report of an evaluation: what was asked, what came out, where it fails, what it cost, and its limits."""
