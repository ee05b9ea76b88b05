"""What users run: the command line, the resumable export, the view of a row."""
