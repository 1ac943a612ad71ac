"""Widgets to configuration objects and back, shared by all pages."""
