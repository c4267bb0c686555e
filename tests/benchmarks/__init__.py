"""What Dana costs next to Python: ``python -m tests.benchmarks`` (or ``make bench``) prints and stores the ratios.

In: the kernels (each once as Python and twice as Dana, with and without annotations) and the public API.
Out: a table, ``docs/benchmarks/*.json`` and a chart. Nothing here is run by pytest, except that all variants of a
kernel give equal results (``tests/test_examples.py``).
"""
