"""Sources of loops: folders, compositions, the Freesound Loop Dataset, Freesound."""
