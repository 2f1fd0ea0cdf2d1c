"""Where it rests: one module per store, each the only owner of its schema."""
