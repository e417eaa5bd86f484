"""What passes in each direction, and what never does."""

from stillhouse.guard.gateway.headers import answer_headers, first, upstream_headers


def test_a_clients_credentials_and_connection_stay_here() -> None:
    sent = [
        (b"host", b"gateway"),
        (b"authorization", b"Bearer sk-sh-client"),
        (b"x-api-key", b"sk-sh-client"),
        (b"cookie", b"session=1"),
        (b"connection", b"close, X-Hop"),
        (b"x-hop", b"here only"),
        (b"transfer-encoding", b"chunked"),
        (b"x-forwarded-for", b"203.0.113.7"),
        (b"accept-encoding", b"gzip"),
        (b"stillhouse-action", b"forged"),
        (b"user-agent", "caf\u00e9".encode()),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"content-type", b"application/json"),
    ]
    passed = upstream_headers(sent, {"x-api-key": "ours", "user-agent": "fixed"}, "ex_1")
    assert sorted(passed) == [
        ("accept-encoding", "identity"),
        ("anthropic-beta", "a"),
        ("anthropic-beta", "b"),
        ("content-type", "application/json"),
        ("user-agent", "fixed"),
        ("x-api-key", "ours"),
        ("x-request-id", "ex_1"),
    ]
    assert ("user-agent", "caf\u00e9") in upstream_headers(sent, {}, "ex_1")


def test_what_speaks_of_our_account_there_does_not_reach_a_client() -> None:
    answered = [
        (b"Content-Type", b"application/json"),
        (b"Set-Cookie", b"upstream=1"),
        (b"X-RateLimit-Remaining-Requests", b"5"),
        (b"anthropic-ratelimit-tokens-limit", b"5"),
        (b"x-request-id", b"theirs"),
        (b"Connection", b"keep-alive, x-hop"),
        (b"X-Hop", b"1"),
        (b"Content-Length", b"10"),
        (b"Content-Encoding", b"identity"),
        (b"stillhouse-policy", b"forged"),
        (b"Retry-After", b"7"),
        (b"openai-processing-ms", b"5"),
    ]
    assert answer_headers(answered) == [
        (b"content-type", b"application/json"),
        (b"retry-after", b"7"),
        (b"openai-processing-ms", b"5"),
    ]


def test_the_first_of_several() -> None:
    assert first([(b"a", b"1"), (b"a", b"2")], b"a") == b"1" and first([], b"a") is None
