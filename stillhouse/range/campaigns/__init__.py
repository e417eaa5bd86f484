"""Campaigns that try to distil the served model: what is asked (objective) and how the requests are spread
(strategy).
"""
