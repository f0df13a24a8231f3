"""What `training.history` is made of: rows out of files, columns out of rows, and a store that keeps each text once."""
