"""Reasoning blobs and ids of stored answers, sealed to the account that they were given to."""
