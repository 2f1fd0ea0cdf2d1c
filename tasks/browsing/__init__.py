"""What the page of `rolecall browse` asks the catalogue, and what it shows and plays of a file."""
