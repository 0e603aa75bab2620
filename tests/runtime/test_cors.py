ORIGIN = {"origin": "https://example.com"}


def test_answers_may_be_read_by_any_page(shared):
    for answer in (shared.post([1], **ORIGIN), shared.get(**ORIGIN)):
        assert answer.status == 200
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()


def test_preflight(shared):
    answer = shared.request(
        "OPTIONS",
        "/api",
        headers=ORIGIN
        | {"access-control-request-method": "POST", "access-control-request-headers": "content-type, x-request-id"},
    )
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert "content-type" in allowed
    assert "x-request-id" in allowed
    assert int(answer.headers["access-control-max-age"]) > 0


def test_errors_may_be_read_too(shared):
    answers = [
        shared.post(b"{", **ORIGIN),
        shared.evaluate("explode()", **ORIGIN),
        shared.evaluate("Unserialisable()", **ORIGIN),
        shared.post(b" " * 200_000, **ORIGIN),
        shared.get("/nowhere", **ORIGIN),
        shared.request("PUT", "/api", b"1", ORIGIN),
    ]
    assert [answer.status for answer in answers] == [400, 500, 500, 413, 404, 405]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-request-id" in answer.headers["access-control-expose-headers"].lower()


def test_the_503_of_a_full_replica_may_be_read_with_its_retry_after(start_replica):
    replica = start_replica(concurrency={"max_in_flight": 1})
    with replica.clients(1) as submit:
        running = submit(replica.evaluate, "hold('full')")
        replica.wait_arrived("full")
        answer = replica.post([1], **ORIGIN)
        preflight = replica.request("OPTIONS", "/api", headers=ORIGIN | {"access-control-request-method": "POST"})
        replica.release("full")
        assert running.result().status == 200
    assert answer.status == 503
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "retry-after" in answer.headers["access-control-expose-headers"].lower()
    assert preflight.status == 200
