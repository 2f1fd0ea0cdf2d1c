"""Data sets of mixes: the recipe, which loops, which splits, the plan, rendering."""
