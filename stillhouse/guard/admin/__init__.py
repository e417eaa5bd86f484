"""Administration over HTTP: what the commands do, for programs, with the gateway's own state beside it."""
