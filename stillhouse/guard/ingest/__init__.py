"""Logs that other gateways wrote, as `stillhouse.exchange/1`.

Most who serve a model have a gateway already, and what it wrote last month is the first evidence there is. Each
source is one file: rows in, exchanges out, and a reason for every row that is none. What a source did not keep stays
unknown.
"""
