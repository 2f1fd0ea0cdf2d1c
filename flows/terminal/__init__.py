"""What a person sees on the terminal: progress bars, tables, error messages."""
