"""Flows that fill the table of loops: from a folder, the Freesound Loop Dataset, or Freesound."""
