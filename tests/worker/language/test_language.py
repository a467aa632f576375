"""Which language an environment asks for, how a language is spoken for a while, and how it writes numbers."""

from __future__ import annotations

import pytest

from models.errors import Invalid
from worker.language import _, choose, known, languages, ngettext, number, speaking, spoken, wanted

NUMBER_SPACE = "\u00a0"


def test_the_language_of_the_source_comes_first_and_french_is_there():
    assert languages()[0] == "en"
    assert "fr" in languages()


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_BF.UTF-8"}, "fr"),
        ({"LANG": "fr"}, "fr"),
        ({"LC_MESSAGES": "fr_CI", "LANG": "en_US.UTF-8"}, "fr"),
        ({"LC_ALL": "fr_FR@euro", "LC_MESSAGES": "en_GB", "LANG": "en_US"}, "fr"),
        ({"LC_ALL": "C.UTF-8", "LANG": "fr_FR.UTF-8"}, "en"),  # the first one that is set decides
        ({"LC_ALL": "", "LANG": "fr_FR.UTF-8"}, "fr"),
        ({"LANG": "POSIX"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),  # no words of it: nobody asked for us in particular
        ({"RECONCILER_LANG": "fr"}, "fr"),
        ({"RECONCILER_LANG": "en", "LC_ALL": "fr_FR.UTF-8"}, "en"),
        ({"RECONCILER_LANG": "", "LANG": "fr_FR.UTF-8"}, "fr"),
    ],
)
def test_the_environment_asks_for_a_language(environment, language):
    assert wanted(environment) == language


def test_a_language_we_have_not_is_refused_with_those_we_have():
    with pytest.raises(Invalid, match=r"^RECONCILER_LANG: there is no language 'de'; there are: en, fr$"):
        wanted({"RECONCILER_LANG": "de"})
    with pytest.raises(Invalid, match=r"'\.\./fr'"):
        known("../fr", by="--lang")


def test_a_language_is_spoken_inside_its_block_and_not_after_it():
    with speaking("fr"):
        assert _("no invoices") == "aucune facture"
        with speaking("en"):
            assert _("no invoices") == "no invoices"
        assert _("no invoices") == "aucune facture"
    assert _("no invoices") == "no invoices"


def test_the_language_that_is_spoken_can_be_handed_on():
    assert spoken() == "en"
    with speaking("fr"):
        assert spoken() == "fr"


def test_a_block_that_fails_leaves_its_language_behind():
    with pytest.raises(KeyError), speaking("fr"):
        raise KeyError
    assert _("no invoices") == "no invoices"


def test_a_text_without_words_is_said_as_it_stands_and_nothing_stays_nothing():
    with speaking("fr"):
        assert _("nobody ever wrote this") == "nobody ever wrote this"
        assert _("") == ""


def test_plurals_follow_the_grammar_of_the_language():
    def told(count: int) -> str:
        return ngettext("{count} violations", "{count} violations", count).format(count=count)

    assert told(0) == "0 violations"
    with speaking("fr"):
        assert [told(count) for count in (0, 1, 2)] == ["0 violation", "1 violation", "2 violations"]


def test_a_process_may_choose_for_good():
    choose("fr")
    try:
        assert _("no invoices") == "aucune facture"
    finally:
        choose("en")


def test_numbers_are_written_the_way_of_the_language():
    assert (number(1234567), number(0.4, ".1f"), number(1234.5, ",.2f")) == ("1,234,567", "0.4", "1,234.50")
    with speaking("fr"):
        assert number(1234567) == f"1{NUMBER_SPACE}234{NUMBER_SPACE}567"
        assert number(0.4, ".1f") == "0,4"
        assert number(1234.5, ",.2f") == f"1{NUMBER_SPACE}234,50"
        assert number(3.0, "g") == "3"
