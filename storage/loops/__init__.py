"""The table of loops, their licences, and what people annotated about them."""
