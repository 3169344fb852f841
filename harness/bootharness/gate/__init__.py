"""The gate: kernels against a baseline, in every way in which they are to boot."""
