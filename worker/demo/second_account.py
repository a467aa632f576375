"""A second account beside the plain one: its file, with keys of the simulator, and their rotation in the middle of a run."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests

from models.account import DEFAULT
from worker.demo.evidence import Keys
from worker.embedded.folder import write_privately

ABIDJAN = "abidjan"

TABLE = """\
[{account}]
api_key = "{key}"
api_token = "{token}"
rate = 25
store_name = "Boutique Abidjan"
"""

OLD_KEYS_LIVE = 4.0
"""Seconds for which old keys are good after new ones stand in the file. In life it is a minute; here no call takes longer."""


@dataclass(slots=True)
class SecondAccount:
    """One account in a file of its own. Its project at the simulator has its name, which its keys carry."""

    folder: Path
    rotated: dict[str, float] = field(default_factory=dict)
    """When its old keys were withdrawn, unix seconds."""
    _pair: tuple[str, str] = ("", "")

    @property
    def _file(self) -> Path:
        return self.folder.absolute() / "accounts.toml"  # the programs have a folder of their own

    def open(self) -> dict[str, str]:
        """Write the file; the setting that names it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write_new_keys()
        return {"LIGDICASH_ACCOUNTS_FILE": str(self._file)}

    def rotate(self, simulator_url: str) -> None:
        """Put new keys into the file, and have the gateway refuse the old ones a little later. Nothing is started anew."""
        old = self._pair
        self._write_new_keys()
        time.sleep(OLD_KEYS_LIVE)
        for credential in old:
            where = f"{simulator_url}/_sim/withdraw"
            requests.post(where, json={"credential": credential}, timeout=30).raise_for_status()
        self.rotated[ABIDJAN] = time.time()

    def keys(self, *, callback_url: str, foreign: int, withdrawn: int) -> Keys:
        """What the ledger is to know: `foreign` and `withdrawn` as the gateway counted them."""
        return Keys(
            projects={DEFAULT: "", ABIDJAN: ABIDJAN},
            callback_urls={DEFAULT: callback_url, ABIDJAN: f"{callback_url}/{ABIDJAN}"},
            foreign=foreign,
            withdrawn=withdrawn,
            rotated=self.rotated,
        )

    def _write_new_keys(self) -> None:
        key, token = (f"sim-{ABIDJAN}.{secrets.token_hex(16)}" for _ in range(2))
        write_privately(self._file, TABLE.format(account=ABIDJAN, key=key, token=token))
        self._pair = key, token
