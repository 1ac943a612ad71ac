"""What text is made of: words, sentences, differences, JSON in replies, CSV."""
