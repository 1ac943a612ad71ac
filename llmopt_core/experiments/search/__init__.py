"""Trials over a space of parameters, within one budget, confirmed on questions that were held back."""
