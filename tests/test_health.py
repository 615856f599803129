"""`/health`, as a supervisor or a proxy asks it."""

import pytest
from django.db import OperationalError, connection


def test_a_process_that_serves_says_so_to_anybody(client, db, django_assert_num_queries):
    with django_assert_num_queries(1):
        reply = client.get("/health")

    assert (reply.status_code, reply.json()) == (200, {"status": "ok"})
    assert "no-store" in reply["Cache-Control"]


@pytest.mark.django_db
def test_without_its_database_it_answers_503_and_why(client):
    def refuse(*_):
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        reply = client.get("/health")

    assert reply.status_code == 503
    assert reply.json()["message"] == "The database does not answer: connection refused"
