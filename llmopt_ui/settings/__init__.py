"""The Settings page: endpoints, judge, machine."""
