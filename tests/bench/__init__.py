"""The maple tree against what a user would pick instead: `python -m tests.bench`, or `make bench`.

Ratios only: every figure comes from rounds in which all structures run the same operations one
after the other in one process. Nothing here asserts a time.
"""
