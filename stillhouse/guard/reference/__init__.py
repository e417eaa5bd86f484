"""What honest traffic looks like, learnt once from a log and kept as a folder."""
