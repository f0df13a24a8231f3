"""Reading, encoding and learning by partition on the workers of a Dask cluster; only this package imports Dask."""
