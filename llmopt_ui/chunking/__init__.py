"""Chunks under the microscope, and sweeps over chunk sizes."""
