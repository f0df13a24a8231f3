"""The Dask backend: reading, encoding and learning by partition; the only package that imports Dask."""
