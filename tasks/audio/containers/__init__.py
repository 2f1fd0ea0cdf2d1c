"""How audio lies in files: what their first bytes tell, where each stream is, and what they promise of its length."""
