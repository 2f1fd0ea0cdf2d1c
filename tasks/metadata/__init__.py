"""What is written about a file: tags, file names, key names, manifests."""
