"""The command in another language: where it may be asked for, what is told in it, and what stays English."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from models.check import Lane
from models.errors import NoAnswer
from tasks.confirm import confirm
from tasks.intake import intake
from tests.fakes import completed, notcompleted
from tests.ledger import add_created, add_pending, claim, knock, let_pass, run
from tests.servers import PATIENCE
from worker.language import _
from worker.ops.command import app
from worker.ops.speech import language_of

NUMBER_SPACE = "\u00a0"


def said(*argv, **environment):
    """What a command that needs no books says, on both streams, and how it ends."""
    result = CliRunner(env={"COLUMNS": "80", **environment}).invoke(app, list(argv), prog_name="reconciler")
    return result.exit_code, result.output


@pytest.mark.parametrize(
    "line",
    [
        ("--lang", "fr", "invoices", "list", "--help"),
        ("invoices", "--lang", "fr", "list", "--help"),
        ("invoices", "list", "--lang", "fr", "--help"),
        ("invoices", "list", "--help", "--lang", "fr"),
        ("--lang=fr", "invoices", "list", "-h"),
        ("invoices", "list", "-h", "--lang=fr"),
        ("--lang", "en", "invoices", "list", "--help", "--lang=fr"),  # the last one counts, as with any option
    ],
)
def test_the_language_may_be_asked_for_anywhere_on_the_line(line):
    code, help_page = said(*line)
    assert code == 0
    assert "Une page de factures, les plus récentes d'abord." in help_page


def test_behind_two_dashes_words_are_not_ours():
    assert language_of(["callbacks", "show", "--", "--lang", "fr"], {}) == (
        "en",
        ["callbacks", "show", "--", "--lang", "fr"],
    )


def test_help_is_in_french_down_to_headings_and_defaults():
    _code, help_page = said("--lang", "fr", "invoices", "create", "--help")
    for words in (
        "Usage : reconciler invoices create",
        "Faire créer une facture",
        "[obligatoire]",
        "Afficher ce message",
    ):
        assert words in help_page
    assert "[par défaut : 50]" in said("--lang", "fr", "callbacks", "list", "--help")[1]
    assert "[par défaut : (RECONCILER_LANG, sinon" in said("--lang", "fr")[1]
    assert "─ Commandes ─" in said("--lang", "fr")[1]


def test_the_environment_chooses_and_the_line_wins():
    assert "Factures" in said("--help", RECONCILER_LANG="fr")[1]
    assert "Factures" in said("--help", RECONCILER_LANG="", LC_ALL="", LC_MESSAGES="", LANG="fr_BF.UTF-8")[1]
    assert "Invoices" in said("--lang", "en", "--help", RECONCILER_LANG="fr")[1]


def test_no_language_leaks_into_the_next_command_of_a_process():
    before = said("--help")
    assert said("--help", "--lang", "fr") != before
    assert said("nonsense", "--lang", "fr") != said("nonsense")
    assert said("--help") == before
    assert _("no invoices") == "no invoices"


@pytest.mark.parametrize("line", [("--lang", "de", "invoices", "list"), ("invoices", "list", "--lang=de")])
def test_an_unknown_language_is_one_line_that_names_those_there_are(line):
    assert said(*line) == (2, "error: --lang: there is no language 'de'; there are: en, fr\n")


def test_a_language_must_be_named():
    assert said("invoices", "list", "--lang") == (2, "error: --lang: there is no language ''; there are: en, fr\n")
    assert said("--help", RECONCILER_LANG="xx") == (
        2,
        "error: RECONCILER_LANG: there is no language 'xx'; there are: en, fr\n",
    )


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (("callback",), "La commande 'callback' n'existe pas. Vouliez-vous dire 'callbacks' ?"),
        (("zzz",), "La commande 'zzz' n'existe pas."),
        (("--debug",), "Il manque une commande."),
        (("invoices", "list", "--foo"), "L'option --foo n'existe pas."),
        (("invoices", "list", "--limi"), "L'option --limi n'existe pas. (Options possibles : --limit)"),
        (("invoices", "list", "--limit"), "L'option '--limit' demande une valeur."),
        (("invoices", "list", "--json=1"), "L'option '--json' ne prend pas de valeur."),
        (("callbacks", "show", "1", "2"), "Il y a des mots en trop (2)"),
        (("callbacks", "show"), "Il manque l'argument 'ID'."),
        (("invoices", "create"), "Il manque l'option '--amount'."),
        (("invoices", "list", "--limit", "x"), "Valeur incorrecte pour '--limit' : un nombre entier est attendu"),
        (("invoices", "list", "--limit", "0"), "'--limit' : la valeur doit être d'au moins 1"),
        (("invoices", "list", "--limit", "1001"), "'--limit' : la valeur doit être d'au plus 1000"),
        (("sweep", "--every", "x"), "'--every' : un nombre est attendu"),
        (("invoices", "list", "--status", "foo"), "'--status' : 'foo' ne fait pas partie de"),
        (("fsck", "--since", "3"), "'--since' : il faut un nombre avec son unité"),
    ],
)
def test_what_typer_has_to_complain_about_is_said_in_french(line, complaint):
    """These wordings are Typer's: a version that words them otherwise shows here."""
    code, complaints = said("--lang", "fr", *line, COLUMNS="200")
    assert code == 2
    assert complaint in complaints
    assert "Erreur" in complaints


def test_lists_are_in_french_and_amounts_have_french_digits(ops):
    assert ops.say("--lang", "fr", "invoices", "list") == "aucune facture\n"
    assert ops.say("--lang", "fr", "callbacks", "list", "--after", "3") == "aucun callback après 3\n"
    add_pending(ops.tools.sessions, 2)
    listed = ops.say("invoices", "list", "--limit", "1", "--lang", "fr")
    for words in ("créée (UTC)", "en attente", f"5{NUMBER_SPACE}000", "dans ", "la suite : --after 2"):
        assert words in listed


def a_story(ops):
    """An invoice that failed and was paid after all, one with a wrong amount, one without a token, two callbacks."""
    first, second = add_pending(ops.tools.sessions, 2)
    add_created(ops.tools.sessions)
    intake(ops.tools, knock(ops.tools.sessions, claim("ORD-1"), b"what?"))
    ops.fakes.gateway.says("token-of-ORD-1", notcompleted(), completed(5000, "ORD-1"))
    ops.fakes.gateway.says("token-of-ORD-2", completed(4999, "ORD-2"))
    for lane in (Lane.CALLBACK, Lane.PERSON):
        confirm(ops.tools, [first, second], lane=lane)
        let_pass(ops.tools.sessions, 10)


def test_an_invoice_is_told_in_french_with_what_the_books_keep_in_english(ops):
    a_story(ops)
    told = ops.say("invoices", "show", "ORD-1", "--lang", "fr")
    assert max(len(line) for line in told.splitlines()) <= 80
    flat = " ".join(told.split())
    for words in (
        "ORD-1 5 000 XOF payée",
        "questions 2, dont 2 avec réponse",
        "heure UTC",
        "facture de 5 000 XOF",
        "callback 1, json : prétend « payée »",
        "question : non payée (",
        "question : payée pour 5 000 XOF (",
        "réglé 5 000 XOF, prouvé par la vérification",
        "avis 2 pour la boutique : payée",
        "paiement tardif : payée pour 5 000 XOF. C'est réglé.",
        "rien : c'est définitif",
    ):
        assert words in flat
    assert "écart : payée pour 4 999 XOF ; 5 000 XOF attendus. Rien n'a été réglé." in " ".join(
        ops.say("invoices", "show", "ORD-2", "--lang", "fr").split()
    )
    assert "illisible" in ops.say("--lang", "fr", "callbacks", "show", "2")


def test_a_machine_is_told_the_same_in_every_language(ops):
    a_story(ops)
    for line in (
        ("invoices", "list"),
        ("invoices", "show", "ORD-1"),
        ("invoices", "show", "ORD-2"),
        ("callbacks", "list"),
        ("callbacks", "show", "1"),
        ("migrate", "--check"),
        ("callbacks", "replay", "1"),
    ):
        assert ops.document("--lang", "fr", *line) == ops.document(*line), line


def test_an_error_is_one_line_in_french_and_one_in_english_for_a_machine(ops):
    ops.fakes.gateway.create_fault = NoAnswer("no")
    assert ops.run("--lang", "fr", "invoices", "show", "X").stderr == "erreur : il n'y a pas de facture 'X'\n"
    small = ops.run("--lang", "fr", "invoices", "create", "--amount", "1").stderr
    assert small.startswith("erreur : le montant doit aller de ")
    machine = ops.run("--lang", "fr", "invoices", "show", "X", "--json")
    assert (machine.stdout, machine.stderr) == ("", "error: there is no invoice 'X'\n")


def test_an_inquiry_is_told_in_french(ops):
    add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", completed(5000, "ORD-1"))
    told = ops.say("invoices", "check", "ORD-1", "--lang", "fr")
    assert told.startswith(f"réponse  payée pour 5{NUMBER_SPACE}000 XOF (")
    assert f"livres   passée de « en attente » à « payée », réglé 5{NUMBER_SPACE}000 XOF\n" in told
    assert "pas de question posée : la dernière question date d'il y a" in ops.say(
        "invoices", "check", "ORD-1", "--lang", "fr"
    )


def test_fsck_says_in_french_what_to_do_and_a_machine_reads_it_in_english(ops):
    [pk] = add_pending(ops.tools.sessions)
    ops.fakes.gateway.says("token-of-ORD-1", notcompleted())
    confirm(ops.tools, [pk], lane=Lane.SWEEP)
    run(ops.tools.sessions, "DELETE FROM notices")
    run(ops.tools.sessions, "DELETE FROM notice_counters")
    result = ops.run("fsck", "--lang", "fr")
    line, total = result.stdout.splitlines()
    assert line.startswith("violée : untold  transaction ORD-1  ")
    assert line.endswith(" ; prévenez l'application du marchand à la main, et signalez-le")
    assert total.startswith("1 violation ; regardé 1 transactions, ")
    violation = json.loads(ops.run("fsck", "--lang", "fr", "--json").stdout.splitlines()[0])
    assert violation["advice"] == "tell the merchant's application by hand, and report it"


def test_help_in_english_is_quick_for_it_never_loads_what_reads_catalogs():
    script = (
        "import sys; sys.argv = ['reconciler', '--help']\n"
        "from worker.ops import main\n"
        "try: main()\n"
        "finally: sys.stderr.write(str(any(name.startswith('babel') for name in sys.modules)))"
    )
    environment = {"PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stderr == "False"
