"""The published ways of finding distillation account by account, each one file, behind one protocol (`baseline.py`).

What they miss, and whom they hit, is what a guard that looks at accounts together has to be measured against. Each is
built to do as well as its paper lets it: calibrated on honest accounts of the same service, which the papers did not
have.
"""
