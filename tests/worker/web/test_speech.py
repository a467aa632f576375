"""In which language a request wants its customer to be spoken to."""

from __future__ import annotations

import threading

import pytest
from starlette.requests import Request

from tests.servers import PATIENCE
from worker.language import _, speaking_here
from worker.web.speech import language_of

TEXT = "Choose your operator."


def request(*, query: str = "", accept: str = "") -> Request:
    headers = [(b"accept-language", accept.encode())] if accept else []
    return Request({"type": "http", "query_string": query.encode(), "headers": headers})


@pytest.mark.parametrize(
    ("query", "accept", "language"),
    [
        ("", "", "en"),
        ("lang=fr", "", "fr"),
        ("lang=FR-bf", "en", "fr"),
        ("lang=xx", "fr", "fr"),
        ("", "fr-BF,fr;q=0.9,en;q=0.8", "fr"),
        ("", "en;q=0.5, fr;q=0.9", "fr"),
        ("", "de, fr;q=0.3", "fr"),
        ("", "fr;q=0, *", "en"),
        ("", "fr;q=much", "en"),
        ("", ";;,,=", "en"),
        ("lang=en", "fr", "en"),
    ],
)
def test_the_query_goes_before_the_header_and_what_nobody_speaks_is_passed_over(query, accept, language):
    assert language_of(request(query=query, accept=accept)) == language


def test_two_requests_at_once_are_each_answered_in_their_own_language():
    both = threading.Barrier(2)
    told = {}

    def answer(language: str) -> None:
        with speaking_here(language):
            both.wait(PATIENCE)
            told[language] = _(TEXT)
            both.wait(PATIENCE)

    threads = [threading.Thread(target=answer, args=(language,)) for language in ("en", "fr")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert told == {"en": TEXT, "fr": "Choisissez votre op\u00e9rateur."}
    assert _(TEXT) == TEXT
