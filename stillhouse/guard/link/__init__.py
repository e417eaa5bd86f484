"""Which accounts belong together: what they share, how rare that is, and the groups that it makes."""
