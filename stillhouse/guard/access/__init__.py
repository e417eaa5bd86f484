"""Who may ask what, from where, and how much: default closed, and a denial says which rule."""
