"""The structure of a track: four-bar segments, the map by bars, sections, key, and the plot of the map."""
