"""Which column of a statement is what: said by the user, or guessed from its name, in French and in English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from models.errors import Invalid
from models.statement import Direction
from worker.language import _
from worker.ops.reconcile.cells import PAID, WAYS, plain


class Field(StrEnum):
    """What a column can hold."""

    AMOUNT = "amount"
    CREDIT = "credit"
    """Money in, where in and out have a column each."""
    DEBIT = "debit"
    FEE = "fee"
    GATEWAY_ID = "gateway_id"
    REFERENCE = "reference"
    DATE = "date"
    STATUS = "status"
    DIRECTION = "direction"


# Without accents, case, signs and units. The first that a statement has is taken, and each column once.
NAMES: Mapping[Field, tuple[str, ...]] = {
    Field.AMOUNT: (
        "montant", "amount", "montant transaction", "montant de la transaction", "transaction amount", "montant brut",
        "gross amount", "montant paye", "somme", "valeur", "total",
    ),
    Field.CREDIT: ("credit", "montant credit", "credit amount", "entree"),
    Field.DEBIT: ("debit", "montant debit", "debit amount", "sortie"),
    Field.FEE: ("frais", "fee", "fees", "commission", "commissions", "frais de transaction", "charges"),
    Field.GATEWAY_ID: (
        "request id", "requestid", "gateway id", "reference ligdicash", "ref ligdicash", "ligdicash id", "id ligdicash",
        "ligdicash reference", "id requete", "numero de transaction", "numero transaction", "n transaction",
        "n de transaction", "no transaction", "id transaction", "id de transaction", "identifiant", "id",
    ),
    Field.REFERENCE: (
        "transaction id", "reference marchand", "ref marchand", "merchant reference", "reference", "ref", "external id",
        "id externe", "externalid", "order id", "commande", "numero de commande", "n commande", "reference commande",
        "reference client", "transactionid",
    ),
    Field.DATE: (
        "date", "date transaction", "date de transaction", "date de la transaction", "transaction date", "date heure",
        "date et heure", "datetime", "timestamp", "date operation", "date de l operation", "date de paiement",
        "payment date", "created at", "date creation", "date de creation",
    ),
    Field.STATUS: ("statut", "status", "etat", "state", "resultat"),
    Field.DIRECTION: (
        "sens", "direction", "type", "type transaction", "type de transaction", "type operation", "type d operation",
        "nature", "operation",
    ),
}  # fmt: skip

T = TypeVar("T")

UNITS = {"xof", "fcfa", "cfa", "utc", "gmt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapped:
    """What the user says about a statement; what they leave out is guessed."""

    columns: Mapping[Field, str] = field(default_factory=dict)
    paid: Mapping[str, bool] = field(default_factory=lambda: PAID)
    ways: Mapping[str, Direction] = field(default_factory=lambda: WAYS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """Where each field stands, and which of these were guessed."""

    places: Mapping[Field, int]
    names: tuple[str, ...]
    guessed: frozenset[Field]

    @property
    def unused(self) -> list[str]:
        """Columns that are not looked at."""
        return [name for place, name in enumerate(self.names) if place not in self.places.values() and name]

    @property
    def is_whole(self) -> bool:
        """Whether there are a sum and an id."""
        has_sum = not self.places.keys().isdisjoint({Field.AMOUNT, Field.CREDIT, Field.DEBIT})
        return has_sum and not self.places.keys().isdisjoint({Field.GATEWAY_ID, Field.REFERENCE})


def heading_of(cells: Sequence[Any], mapped: Mapped) -> Heading | None:
    """This row as a heading; none when a column that the user named is not in it."""
    names = tuple("" if cell is None else " ".join(str(cell).split()) for cell in cells)
    exactly = {name: place for place, name in reversed(list(enumerate(names)))}
    loosely = {_bare(name): place for place, name in reversed(list(enumerate(names)))}
    places: dict[Field, int] = {}
    for one, name in mapped.columns.items():
        place = exactly.get(name, loosely.get(_bare(name)))
        if place is None or not name:
            return None
        places[one] = place
    guessed = set()
    for one, known in NAMES.items():
        found = [loosely[name] for name in known if name in loosely and loosely[name] not in places.values()]
        if one not in places and found and not _is_said_otherwise(one, mapped):
            places[one] = found[0]
            guessed.add(one)
    return Heading(places=places, names=names, guessed=frozenset(guessed))


def _is_said_otherwise(one: Field, mapped: Mapped) -> bool:
    """A sum in one column, as the user says, is not guessed in two others, and the other way round."""
    sums = {Field.AMOUNT, Field.CREDIT, Field.DEBIT}
    return one in sums and not sums.isdisjoint(mapped.columns)


def _bare(name: str) -> str:
    return " ".join(word for word in plain(name).split() if word not in UNITS)


def mapping(file: Path | None, said: Sequence[str]) -> Mapped:
    """What a TOML file and options like `amount=Montant` say, options above the file. Raises `Invalid`."""
    document = _document(file) if file else {}
    unknown = document.keys() - {"columns", "status", "direction"}
    if unknown:
        raise Invalid(_("{file}: there is no table {name}; there are columns, status, direction").format(
            file=file, name=", ".join(sorted(unknown))
        ))  # fmt: skip
    columns = {_field(name): str(value) for name, value in _table(document, "columns").items()}
    for one in said:
        name, mark, value = one.partition("=")
        if not mark or not value:
            raise Invalid(_("{said}: write it as amount=Montant").format(said=one))
        columns[_field(name.strip())] = value.strip()
    paid = {
        plain(word): _word(value, {"paid": True, "unpaid": False}) for word, value in _table(document, "status").items()
    }
    ways = {
        plain(word): _word(value, {way.value: way for way in Direction})
        for word, value in _table(document, "direction").items()
    }
    return Mapped(columns=columns, paid={**PAID, **paid}, ways={**WAYS, **ways})


def _document(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise Invalid(_("{file} is not TOML that can be read: {why}").format(file=file, why=exc)) from exc


def _table(document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = document.get(name, {})
    if not isinstance(found, dict):
        raise Invalid(_("[{name}] must be a table").format(name=name))
    return found


def _field(name: str) -> Field:
    try:
        return Field(name)
    except ValueError:
        raise Invalid(
            _("{name} is no field of a statement; there are {fields}").format(
                name=repr(name), fields=", ".join(one.value for one in Field)
            )
        ) from None


def _word(value: Any, words: Mapping[str, T]) -> T:
    if value in words:
        return words[value]
    raise Invalid(_("{value} must be one of {words}").format(value=repr(value), words=", ".join(words)))
