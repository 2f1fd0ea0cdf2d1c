"""The table of loops, their licences, annotations of the Freesound Loop Dataset, and pages of a running search."""
