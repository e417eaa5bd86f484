"""Honest customers who look like a campaign in one respect or another: the negative test suite of a detector."""
