#!/usr/bin/env python3
"""token_server.py FOLDER [--lifetime SECONDS]: a token server for docker-registry (distribution specification, "Token
Authentication"). User tester with the password secret, or the refresh token "refresh", may pull everything.

Signs with FOLDER/key.pem, whose certificate FOLDER/cert.pem the registry knows (auth.token.rootcertbundle). Prints its
HOST:PORT once it listens, then a line for each request: method, who, scope.
"""
import argparse
import base64
import json
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlparse


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signature(folder, text):
    """ES256: r and s of 32 bytes each, out of what openssl writes in DER."""
    der = subprocess.run(["openssl", "dgst", "-sha256", "-sign", f"{folder}/key.pem"], input=text.encode(),
                         stdout=subprocess.PIPE, check=True).stdout
    r_length = der[3]
    r = der[4:4 + r_length]
    s = der[6 + r_length:]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in (r, s))


def token(server, scope):
    with open(f"{server.folder}/cert.pem", encoding="ascii") as file:
        certificate = "".join(line.strip() for line in file if "-" not in line)
    access = []
    for part in scope.split():
        kind, name, actions = part.split(":", 2)
        access.append({"type": kind, "name": name, "actions": [a for a in actions.split(",") if a == "pull"]})
    now = int(time.time())
    header = {"typ": "JWT", "alg": "ES256", "x5c": [certificate]}
    claims = {"iss": "tester", "sub": "tester", "aud": "registry", "exp": now + server.lifetime, "nbf": now - 60,
              "iat": now, "jti": os.urandom(8).hex(), "access": access}
    text = ".".join(encoded(json.dumps(part).encode()) for part in (header, claims))
    return text + "." + encoded(signature(server.folder, text))


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_GET(self):
        fields = parse_qs(urlparse(self.path).query)
        login = "Basic " + base64.b64encode(b"tester:secret").decode()
        given = self.headers.get("Authorization")
        who = "nobody" if given is None else "tester" if given == login else "stranger"
        self.reply("GET", who, fields, {"token", "expires_in"})

    def do_POST(self):
        fields = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = fields.get("refresh_token") == ["refresh"] and fields.get("grant_type") == ["refresh_token"]
        self.reply("POST", "tester" if good else "stranger", fields, {"access_token", "expires_in"})

    def reply(self, method, who, fields, names):
        scope = fields.get("scope", [""])[0]
        print(method, who, scope, flush=True)
        good = who == "tester" and fields.get("service") == ["registry"]
        answer = {"expires_in": self.server.lifetime}
        if good:
            answer["token" if "token" in names else "access_token"] = token(self.server, scope)
        body = json.dumps(answer if good else {"errors": [{"code": "UNAUTHORIZED"}]}).encode()
        self.send_response_only(200 if good else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--lifetime", type=int, default=300)
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.folder, server.lifetime = options.folder, options.lifetime
    print(f"127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
