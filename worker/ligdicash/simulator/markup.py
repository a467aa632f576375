"""The payment page's HTML, and the frame of every page: French first, English beneath, no script, nothing loaded from anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from worker.ligdicash.simulator.manners import Status
from worker.ligdicash.simulator.payment import OPERATORS, Payment

NO_BREAK = "\u00a0"

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#eef1f6;color:#1b2430;font:16px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:26rem;margin:0 auto;padding:1rem}
.card{background:#fff;border-radius:14px;padding:1.1rem 1.25rem;box-shadow:0 1px 3px rgba(20,30,50,.14)}
.test{background:#fff4d6;border:1px solid #e2bd57;color:#5c4300;border-radius:10px;padding:.5rem .75rem;margin:0 0 1rem;
font-size:.85rem}
h1{font-size:1.1rem;margin:0;overflow-wrap:anywhere}
.amount{font-size:2rem;font-weight:700;margin:.2rem 0;letter-spacing:-.01em}
small,.en{color:#5a6675;font-size:.82rem;font-weight:400}
.en{display:block}
dl{margin:.6rem 0;border-top:1px solid #e3e8ef}
dl div{display:flex;justify-content:space-between;gap:1rem;padding:.35rem 0;border-bottom:1px solid #e3e8ef}
dt{color:#5a6675;flex:none}
dd{margin:0;text-align:right;overflow-wrap:anywhere;min-width:0}
label{display:block;margin:.7rem 0 .25rem;font-weight:600}
select,input{width:100%;font:inherit;padding:.6rem;border:1px solid #9aa6b5;border-radius:9px;background:#fff;color:inherit}
button,.button{display:block;width:100%;font:inherit;font-weight:600;padding:.6rem;margin-top:.6rem;border-radius:9px;
border:1px solid transparent;cursor:pointer;text-align:center;text-decoration:none}
button .en,.button .en{color:inherit;opacity:.85}
.pay{background:#0b6b3a;color:#fff;margin-top:1rem}
.fail{background:#fff;color:#9c1c1c;border-color:#d9a3a3}
.cancel{background:#fff;color:#39424e;border-color:#b9c2cd}
:focus-visible{outline:3px solid #2f6fed;outline-offset:2px}
.wrong .en{color:inherit}
.wrong{background:#fdeaea;color:#8b1717;border-radius:9px;padding:.6rem .75rem;margin:.8rem 0 0}
.result{font-size:1.25rem;font-weight:700;margin:.8rem 0 .1rem}
.completed{color:#0b6b3a}.notcompleted{color:#9c1c1c}
"""

OUTCOMES = {
    Status.COMPLETED: ("Paiement effectué", "Payment completed"),
    Status.NOTCOMPLETED: ("Paiement échoué", "Payment failed"),
    Status.PENDING: ("Paiement en attente", "Payment pending"),
}


def francs(amount: int) -> str:
    """`4 200 FCFA`, with blanks that do not break."""
    return f"{amount:,}".replace(",", NO_BREAK) + f"{NO_BREAK}FCFA"


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """What the payer's form holds when it is shown. `wrong` says what to correct, in French and in English."""

    phone: str = ""
    operator_id: str = ""
    wrong: tuple[str, str] | None = None


def ask_payer(payment: Payment, *, filled: Filled) -> str:
    """The page of a pending payment."""
    options = "".join(_option(number, chosen=filled.operator_id) for number in OPERATORS)
    problem = ""
    if filled.wrong:
        french, english = (escape(text) for text in filled.wrong)
        problem = f'<p class="wrong" role="alert">{french}<span class="en" lang="en">{english}</span></p>'
    form = f"""{problem}<form method="post">
<label for="operator">Opérateur <small lang="en">Operator</small></label>
<select id="operator" name="operator_id">{options}</select>
<label for="phone">Numéro de téléphone <small lang="en">Phone number</small></label>
<input id="phone" name="phone" inputmode="tel" autocomplete="off" value="{escape(filled.phone)}" placeholder="22670000000">
{_button("pay", "Payer", f"Pay {francs(payment.order.amount)}")}
{_button("fail", "Refuser (paiement échoué)", "Decline (payment fails)")}
{_button("cancel", "Annuler", "Cancel, and leave it pending")}
</form>"""
    return _page(payment, form)


def show_result(payment: Payment, *, back: str) -> str:
    """The page of a payment that is decided, or that somebody walked away from. `back` may be empty."""
    french, english = OUTCOMES[payment.status]
    link = (
        f'<a class="button cancel" rel="noreferrer" href="{escape(back)}">Retour à la boutique'
        '<span class="en" lang="en">Back to the shop</span></a>'
        if back
        else ""
    )
    return _page(
        payment,
        f'<p class="result {payment.status.value}" role="status">{french}'
        f'<span class="en" lang="en">{english}</span></p>{link}',
    )


def not_found() -> str:
    """The page of a link that names no invoice."""
    return document(
        "Facture introuvable", '<h1>Facture introuvable<span class="en" lang="en">No such invoice</span></h1>'
    )


def _page(payment: Payment, below: str) -> str:
    order = payment.order
    rows = [
        ("Référence", "Reference", order.transaction_id),
        ("Transaction", "LigdiCash id", payment.request_id),
        ("Objet", "Purpose", order.description),
        ("Client", "Customer", f"{order.firstname} {order.lastname}".strip()),
    ]
    lines = "".join(
        f'<div><dt>{french}<span class="en" lang="en">{english}</span></dt><dd>{escape(value)}</dd></div>'
        for french, english, value in rows
        if value
    )
    shop = escape(order.store_name or "Boutique")
    inner = f'<h1>{shop}</h1><p class="amount">{francs(order.amount)}</p><dl>{lines}</dl>{below}'
    return document(f"Payer {order.store_name}".strip(), inner)


def _option(number: str, *, chosen: str) -> str:
    selected = " selected" if number == chosen else ""
    return f'<option value="{escape(number)}"{selected}>{escape(OPERATORS[number])}</option>'


def _button(action: str, french: str, english: str) -> str:
    return (
        f'<button class="{action}" name="action" value="{action}">{french}'
        f'<span class="en" lang="en">{english}</span></button>'
    )


def document(title: str, inner: str, *, style: str = "", language: str = "fr") -> str:
    """A whole page, with the line on top that no money moves. `inner` is markup."""
    return f"""<!DOCTYPE html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)}</title><style>{STYLE}{style}</style></head>
<body><main><p class="test" lang="fr">Simulateur : aucun argent ne bouge.
<span class="en" lang="en">Simulator: no money moves.</span></p><div class="card">{inner}</div></main></body></html>
"""
