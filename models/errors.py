"""The errors of this project, named by what to do next.

ReconcilerError
├── TryAgain                 it may work later; nothing is wrong with the request
│   ├── NoAnswer             the gateway did not answer: timeout, reset, 5xx, 429, HTML; the outcome is unknown
│   ├── NotSent              the gateway was never reached: nothing happened there
│   ├── TooSoon              a limit of ours: it may work after a known while
│   └── StoreAway            the database cannot be reached
├── Refused                  the answer is no, and the same request would get the same no
│   ├── Unreadable           bytes that cannot be understood
│   ├── Invalid              a request that breaks a rule of ours or of the gateway
│   │   └── AskCustomer      only the customer has what is missing; the code says what
│   ├── Conflict             the same id was used before for something else
│   │   └── MayHaveBegun     what was refused, and may have gone through all the same: it is not sent again
│   ├── NotFound             no such thing in the books
│   └── GatewayRefused       the gateway said no, with its sub-code
└── NeedsHuman               somebody must change something before it can work
    ├── SettingsFault        a setting is missing or wrong
    ├── GatewayMisconfigured the gateway refuses our credentials, address or project
    └── OutcomeUnknown       the gateway may have acted, its reply is lost, and asking again could act twice
        └── PayoutUnknown    the same with money that goes out: it must not be sent again in any way
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """The root. `str()` is one clear sentence for a person and never holds a secret or a token."""


class _WithSubCode(ReconcilerError):
    """Keeps what the gateway said word for word: sub-code, text, undocumented details, wiki page.

    `code` is our own stable name of what is wrong, one of `models.payin.Hitch`; empty where the customer can do nothing.
    """

    def __init__(
        self, message: str, *, code: str = "", sub_code: str = "", text: str = "", details: str = "", wiki: str = ""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.sub_code = sub_code
        self.text = text
        self.details = details
        self.wiki = wiki


class TryAgain(ReconcilerError):
    """It may work later; nothing is wrong with the request."""


class NoAnswer(TryAgain):
    """The gateway did not answer in a form that means anything; what it did is unknown."""


class NotSent(TryAgain):
    """The request never reached the gateway: nothing happened there, and it may be sent again."""


class TooSoon(TryAgain):
    """A limit of ours. `wait` is seconds, `code` one of `models.payin.Hitch`."""

    def __init__(self, message: str, *, code: str, wait: float) -> None:
        super().__init__(message)
        self.code = code
        self.wait = wait


class StoreAway(TryAgain):
    """The database cannot be reached."""


class Refused(ReconcilerError):
    """The answer is no, and the same request would get the same no."""


class Unreadable(Refused):
    """Bytes that cannot be understood as what they claim to be."""


class Invalid(Refused):
    """A request that breaks a rule; the sentence names the field and the rule."""


class AskCustomer(Invalid):
    """Only the customer has what is missing: a one-time code, the operator, another number. `code` says what."""

    def __init__(self, message: str, *, code: str) -> None:
        super().__init__(message)
        self.code = code


class Conflict(Refused):
    """The same id was used before for something else."""


class MayHaveBegun(Conflict):
    """The same order was refused before, and may have gone through all the same: it is not sent again under this id."""


class NotFound(Refused):
    """No such thing in the books."""


class GatewayRefused(_WithSubCode, Refused):
    """The gateway said no to this request."""


class NeedsHuman(ReconcilerError):
    """Somebody must change something before it can work."""


class SettingsFault(NeedsHuman):
    """A setting is missing or wrong; the sentence names the variable and never its value when that is a secret."""


class GatewayMisconfigured(_WithSubCode, NeedsHuman):
    """The gateway refuses our credentials, our address or our project, whatever we ask it."""


class OutcomeUnknown(NeedsHuman):
    """The gateway may have acted, its reply is lost, and asking again could act twice."""


class PayoutUnknown(OutcomeUnknown):
    """Money may be on its way out. Nobody may send it again, in any way, until a person has found out."""
