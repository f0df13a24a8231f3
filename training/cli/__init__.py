"""The subcommands of `thinkgate`, one module each; a new one is a module here and a line in `training/cli/main.py`.

A command parses, calls one function, and prints. What is slow to import is imported inside the function.
"""
