"""How fast the book's code is, against what, and how near to the limit."""

import os

# PyTorch's profiler reports on stderr what concerns nobody here
os.environ.setdefault("KINETO_LOG_LEVEL", "99")
