"""The tab Pictures: configurations side by side, one picture at a time."""
