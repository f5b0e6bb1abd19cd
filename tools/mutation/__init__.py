"""Put small faults into the code, one at a time, and report which of them no test finds: see docs/mutation.md.

Cosmic Ray makes the faults ("mutants") and keeps the results. The modules here select what it changes, which tests
it runs, and where.
"""
