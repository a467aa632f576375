import json, os, sqlite3
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.request import Request, urlopen
from standardwebhooks import Webhook

books = sqlite3.connect("shop.db", isolation_level=None)
books.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, seq INTEGER, event TEXT)")


def handle(event):  # lets each id in once; do your own work in the same transaction
    books.execute("INSERT OR IGNORE INTO events VALUES (?, ?, ?)", (event["id"], event["seq"], json.dumps(event)))


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        handle(Webhook(os.environ["NOTICE_SECRET"]).verify(body, dict(self.headers)))  # raises: not taken, sent again
        self.send_response(204)
        self.end_headers()


page = {"next": books.execute("PRAGMA user_version").fetchone()[0], "more": True}  # where the last catching up ended
while page["more"]:
    url = f"{os.environ['RECONCILER_URL']}/v1/events?after={page['next']}"
    page = json.load(urlopen(Request(url, headers={"Authorization": f"Bearer {os.environ['RECONCILER_API_KEY']}"})))
    for event in page["events"]:
        handle(event)
    books.execute(f"PRAGMA user_version = {page['next']}")
HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Receiver).serve_forever()
