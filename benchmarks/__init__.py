"""Measurements as ratios: against a peer, or against the physical limit measured in the same run."""
