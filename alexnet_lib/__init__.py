"""The code that the book teaches, one module per subject."""
