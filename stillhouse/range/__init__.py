"""The contest, composed: honest people, customers who look like campaigns, and campaigns that try to distil.

A simulator that writes logs and asks no model. `traffic.stream` yields the exchanges, `traffic.labels` the truth.
"""
