"""A record of decisions, key changes, settings and reviews that cannot be edited without being found out.

Every entry holds the hash of the one before it, all of them are leaves of a Merkle tree (RFC 6962, section 2.1), and
every write ends with a signed checkpoint over the whole tree in the form that transparency tools read (c2sp.org:
`signed-note`, `tlog-checkpoint`). What that proves depends on what is kept elsewhere: see `verify`.
"""
