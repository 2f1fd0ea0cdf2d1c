"""HTTP: a client with retries, pacing, resumable downloads, zip archives read remotely."""
