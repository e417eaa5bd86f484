"""A served teacher's answers to a prompt file: asked once each, whatever happens on the way, then sorted out.

`collection.collect` is the whole of it. Asking and keeping are apart: `ask` fills `answers.jsonl` in any order, and
`selection.select` makes of it the same files whatever the order was.
"""
