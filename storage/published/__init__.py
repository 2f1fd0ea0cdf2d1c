"""The published catalogue as readers have it: queries, the labels of each track, following and pushing it."""
