"""A gateway that costs little: `python -m bench.gateway PORT LATENCY [pending]`.

Speaks `confirm` and nothing else, over kept connections, each answer after `LATENCY` seconds. What it says is in the token,
`TRANSACTION~AMOUNT`, so that it remembers nothing: completed with that amount and reference, or pending for ever. `GET /count`
says how many questions it answered. Our real simulator keeps books and would be what is measured.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any
from urllib.parse import unquote

import uvloop

BODY = (
    '{{"response_code":"00","status":"{status}","token":"","response_text":"","description":"",'
    '"operator_id":"11","operator_name":"ORANGE BURKINA","customer":"22676000000",'
    '"montant":{amount},"amount":{amount},"date":"2026-05-09 07:20:23+00",'
    '"external_id":"{reference}","oreference":"","request_id":"P2777636082026",'
    '"custom_data":[{{"keyof_customdata":"transaction_id","valueof_customdata":"{reference}",'
    '"datecreation_customdata":"2026-05-09 07:20:23.362788"}},'
    '{{"keyof_customdata":"logfile","valueof_customdata":"2026050907202369fee03756652",'
    '"datecreation_customdata":"2026-05-09 07:20:23.362788"}}],'
    '"customer_details":{{"firstname":"Awa","lastname":"O","email":"awa@example.com","phone":"22676000000","details":""}},'
    '"wiki":"https://client.ligdicash.com/wiki/confirmInvoice"}}'
)
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"


class Gateway(asyncio.Protocol):
    """One connection; requests come one after the other."""

    answered = 0
    latency = 0.0
    status = "completed"

    def __init__(self) -> None:
        self._heard = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember whom to answer."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each whole head, in time."""
        self._heard += data
        while b"\r\n\r\n" in self._heard:
            head, _, self._heard = self._heard.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode()
            if target == "/count":
                self._say(str(Gateway.answered))
            else:
                asyncio.get_running_loop().call_later(Gateway.latency, self._answer, target)

    def _answer(self, target: str) -> None:
        Gateway.answered += 1
        reference, _, amount = unquote(target.rpartition("=")[2]).partition("~")
        self._say(BODY.format(status=Gateway.status, amount=amount, reference=reference))

    def _say(self, text: str) -> None:
        if not self._transport.is_closing():
            self._transport.write((HEAD.format(length=len(text)) + text).encode())


async def serve(port: int) -> None:
    """For ever."""
    server = await asyncio.get_running_loop().create_server(Gateway, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    Gateway.latency = float(sys.argv[2])
    Gateway.status = sys.argv[3] if len(sys.argv) > 3 else "completed"
    uvloop.run(serve(int(sys.argv[1])))
