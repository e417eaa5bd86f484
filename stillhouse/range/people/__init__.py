"""Honest people, each of whom stays who he is: his requests are alike from day to day, and unlike other people's."""
