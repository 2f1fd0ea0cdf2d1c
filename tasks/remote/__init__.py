"""Audio by URL: listing what a bucket or server holds, and reading it into temporary files."""
