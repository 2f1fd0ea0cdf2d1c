"""Where loops come from: folders, compositions, the Freesound Loop Dataset, Freesound."""
