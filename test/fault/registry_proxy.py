#!/usr/bin/env python3
"""A proxy in front of a registry that spoils or moves what it answers to GETs, of blobs unless told otherwise.

registry_proxy.py --to HOST:PORT [--cut BYTES [--cuts N]] [--no-ranges] [--flip [WHAT]] [--busy N] [--stall N] [--redirect
HOST:PORT]

Prints its HOST:PORT once it listens, and on SIGTERM, as JSON, what it saw and did: "blobs" (requests), "ranges" (those
with a Range), "cuts", "authorized" (with an Authorization header), "busy", "most" (blobs open at one time).

--cut BYTES   every answer ends after so many bytes, if it has more; with --cuts the first N
--no-ranges   Range headers are taken away, so that every answer is the whole blob
--flip WHAT   one bit of each is another one: of blobs, of layers (blobs of more than 64 KiB), or of manifests
--busy N      the first N requests of all kinds are answered with 503 and Retry-After: 1, and 429
--stall N     the first N answers stop in the middle and say nothing more
--redirect    blobs are to be had there
"""
import argparse
import http.client
import json
import signal
import socket
import sys
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, options):
        super().__init__(("127.0.0.1", 0), Handler)
        self.options = options
        self.lock = threading.Lock()
        self.counts = Counter({name: 0 for name in ("blobs", "ranges", "cuts", "authorized", "busy", "stalled")})
        self.open = 0
        self.ended = threading.Event()

    def count(self, name, limit=None):
        """Counts; False when that was done `limit` times before."""
        with self.lock:
            if limit is not None and self.counts[name] >= limit:
                return False
            self.counts[name] += 1
            return True

    def opened(self, change):
        with self.lock:
            self.open += change
            self.counts["most"] = max(self.counts["most"], self.open)

    def handle_error(self, request, client_address):
        pass  # a client that has gone


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_GET(self):
        server, options = self.server, self.server.options
        blob = "/blobs/" in self.path
        if self.headers.get("Authorization"):
            server.count("authorized")
        if server.count("busy", options.busy):
            return self.answer(503 if server.counts["busy"] % 2 else 429, [("Retry-After", "1")], b"{}")
        if not blob:
            return self.pass_on(blob)
        server.count("blobs")
        if self.headers.get("Range"):
            server.count("ranges")
        if options.redirect:
            return self.answer(307, [("Location", f"http://{options.redirect}{self.path}")], b"")
        server.opened(1)
        try:
            return self.pass_on(blob)
        finally:
            server.opened(-1)

    def answer(self, status, headers, body):
        self.send_response_only(status)
        for name, value in headers + [("Content-Length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def pass_on(self, blob):
        options = self.server.options
        upstream = http.client.HTTPConnection(options.to, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        if options.no_ranges:
            headers = {name: value for name, value in headers.items() if name.lower() != "range"}
        upstream.request("GET", self.path, headers=headers)
        answer = upstream.getresponse()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        good = answer.status < 300
        self.send_body(answer, blob and good, self.flips_at(blob) if good else None)
        upstream.close()

    def flips_at(self, blob):
        """The byte of the answer that is another one; None: none is."""
        return {"blobs": 0 if blob else None, "layers": 65536 if blob else None,
                "manifests": 0 if "/manifests/" in self.path else None}.get(self.server.options.flip)

    def send_body(self, answer, spoilt, flip_at):
        options, sent = self.server.options, 0
        while piece := answer.read(65536):
            if sent == flip_at:
                piece = bytes([piece[0] ^ 1]) + piece[1:]
            if spoilt and 0 < options.cut < sent + len(piece) and self.server.count("cuts", options.cuts):
                self.wfile.write(piece[:options.cut - sent])
                return self.cut()
            if spoilt and sent > 0 and self.server.count("stalled", options.stall):
                self.server.ended.wait(60)
                return self.cut()
            self.wfile.write(piece)
            sent += len(piece)
        return None

    def cut(self):
        """Ends the connection before the answer is whole."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_WR)
        self.close_connection = True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True)
    parser.add_argument("--cut", type=int, default=0)
    parser.add_argument("--cuts", type=int, default=1 << 30)
    parser.add_argument("--no-ranges", action="store_true")
    parser.add_argument("--flip", nargs="?", const="blobs", choices=("blobs", "layers", "manifests"))
    parser.add_argument("--busy", type=int, default=0)
    parser.add_argument("--stall", type=int, default=0)
    parser.add_argument("--redirect")
    proxy = Proxy(parser.parse_args())

    def stop(*_):
        proxy.ended.set()
        threading.Thread(target=proxy.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    print(f"127.0.0.1:{proxy.server_address[1]}", flush=True)
    proxy.serve_forever(poll_interval=0.1)
    with proxy.lock:
        print(json.dumps(proxy.counts), flush=True)


if __name__ == "__main__":
    sys.exit(main())
