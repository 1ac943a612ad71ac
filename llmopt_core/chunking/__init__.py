"""Documents -> chunks with exact offsets."""
