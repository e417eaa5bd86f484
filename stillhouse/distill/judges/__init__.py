"""One file for each way a model judges by writing; `registry` has the table of contents.

The settings stand in a file of their own that imports none of the judges, so that a config can name one.
"""
