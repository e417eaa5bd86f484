"""Numbers into evidence: scores that run, ranks among honest references, and e-values that may be averaged."""
