#!/usr/bin/python3
"""kms_stand_in.py FOLDER [--tls] [--port N]: a stand-in for the part of the AWS KMS API that Thaw uses, written from
its reference (docs.aws.amazon.com/kms/latest/APIReference), for tests. It is not the real service: what that does
otherwise, no test finds.

Checks each request's signature (AWS Signature Version 4) by itself, wraps with AES-256-GCM under keys that it keeps in
FOLDER/state.json, and takes the encryption context as associated data. FOLDER/credentials.json says who may ask, and
what: {"ACCESS_KEY": {"secret": …, "token": …, "allow": ["Decrypt"]}}; without "allow" everything. Prints its HOST:PORT
once it listens; appends "OPERATION ACCESS_KEY OUTCOME" to FOLDER/log for each request.

FOLDER/faults.json, if it is there, is a list of what goes wrong, each "times" times: {"operation": "Decrypt", "times": 2}
and "type", "message" and "status" of an error, "lose": true (done, but never answered) or "hang": SECONDS. With --tls it uses
FOLDER/cert.pem and FOLDER/key.pem.
"""
import argparse
import base64
import ctypes
import datetime
import hashlib
import hmac
import json
import os
import re
import signal
import ssl
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

REGION = "eu-test-1"
lock = threading.Lock()


class Refusal(Exception):
    def __init__(self, kind, message, status=400):
        super().__init__(message)
        self.kind, self.message, self.status = kind, message, status


def read_json(path, otherwise):
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return otherwise


def write_json(path, value):
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(value, file)
    os.replace(path + ".new", path)


# --- who asks --------------------------------------------------------------------------------------------------

def digest(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def authenticate(folder, headers, body):
    """The access key, and what it may do. From "Create a signed AWS API request" (IAM user guide)."""
    given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/([^/]+)/aws4_request, ?"
                         r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})", headers.get("Authorization") or "")
    if not given:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    access, day, region, service, names, signature = given.groups()
    known = read_json(f"{folder}/credentials.json", {}).get(access)
    if known is None:
        raise Refusal("UnrecognizedClientException", "The security token included in the request is invalid.")
    if (region, service) != (REGION, "kms"):
        raise Refusal("InvalidSignatureException", f"Credential should be scoped to {REGION} and kms")
    signed = names.split(";")
    present = {name.lower() for name in headers} & {"host", "content-type", "x-amz-date", "x-amz-target",
                                                    "x-amz-security-token"}
    if signed != sorted(signed) or not present | {"host", "x-amz-date"} <= set(signed):
        raise Refusal("InvalidSignatureException", "Signed headers are missing or not sorted")
    moment = headers["X-Amz-Date"]
    sent = datetime.datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    if abs(sent.timestamp() - time.time()) > 300 or moment[:8] != day:
        raise Refusal("InvalidSignatureException", f"Signature expired: {moment} is too long ago")
    canonical = "\n".join(["POST", "/", "", *[f"{name}:{' '.join(headers[name].split())}" for name in signed], "",
                           names, hashlib.sha256(body).hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = digest(digest(digest(digest(b"AWS4" + known["secret"].encode(), day), region), service), "aws4_request")
    if not hmac.compare_digest(digest(key, text).hex(), signature):
        raise Refusal("InvalidSignatureException", "The request signature we calculated does not match")
    if headers.get("X-Amz-Security-Token") != known.get("token"):
        raise Refusal("ExpiredTokenException", "The security token included in the request is expired")
    return access, known


# --- keys ------------------------------------------------------------------------------------------------------

class Keys:
    """REQUIRES: `lock`, for every method."""

    def __init__(self, path):
        self.path = path
        state = read_json(path, {"keys": {}, "aliases": {}})
        self.keys, self.aliases = state["keys"], state["aliases"]

    def save(self):
        write_json(self.path, {"keys": self.keys, "aliases": self.aliases})

    def find(self, name, aliases=True):
        if name.startswith("alias/"):
            if not aliases:
                raise Refusal("NotFoundException", "An alias is not accepted here")
            if name not in self.aliases:
                raise Refusal("NotFoundException", f"Alias arn:aws:kms:{REGION}:000000000000:{name} is not found.")
            name = self.aliases[name]["key"]
        if name not in self.keys:
            raise Refusal("NotFoundException", f"Key 'arn:aws:kms:{REGION}:000000000000:key/{name}' does not exist")
        return name, self.keys[name]

    def usable(self, name):
        identity, key = self.find(name)
        if key["state"] == "Disabled":
            raise Refusal("DisabledException", f"arn:aws:kms:{REGION}:000000000000:key/{identity} is disabled.")
        if key["state"] != "Enabled":
            raise Refusal("KMSInvalidStateException", f"{identity} is pending deletion.")
        return identity, AESGCM(bytes.fromhex(key["material"]))

    def wrap(self, name, plain, context):
        identity, cipher = self.usable(name)
        nonce = os.urandom(12)
        return uuid.UUID(identity).bytes + nonce + cipher.encrypt(nonce, plain, context_bytes(context))

    def unwrap(self, name, blob, context):
        identity, cipher = self.usable(name)
        wrapped = base64.b64decode(blob)
        if not 1 <= len(wrapped) <= 6144:
            raise Refusal("ValidationException", "CiphertextBlob has no length that it may have")
        by = str(uuid.UUID(bytes=wrapped[:16])) if len(wrapped) >= 16 else ""
        if by != identity:
            raise Refusal("IncorrectKeyException" if by in self.keys else "InvalidCiphertextException", "")
        try:
            return cipher.decrypt(wrapped[16:28], wrapped[28:], context_bytes(context))
        except (InvalidTag, ValueError) as wrong:
            raise Refusal("InvalidCiphertextException", "") from wrong


def context_bytes(context):
    return json.dumps(context or {}, sort_keys=True).encode()


def text(data):
    return base64.b64encode(data).decode()


def arn(identity):
    return f"arn:aws:kms:{REGION}:000000000000:key/{identity}"


def metadata(identity, key):
    return {"KeyMetadata": {"KeyId": identity, "Arn": arn(identity), "Description": key["description"],
                            "CreationDate": key["created"], "KeyState": key["state"],
                            "Enabled": key["state"] == "Enabled", "KeyUsage": "ENCRYPT_DECRYPT",
                            "KeySpec": "SYMMETRIC_DEFAULT", "KeyManager": "CUSTOMER"}}


def create_key(keys, asked):
    if (asked["KeyUsage"], asked["KeySpec"]) != ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT"):
        raise Refusal("ValidationException", "Only symmetric keys here")
    identity = str(uuid.uuid4())
    keys.keys[identity] = {"material": os.urandom(32).hex(), "state": "Enabled", "created": round(time.time(), 3),
                           "description": asked["Description"]}
    return metadata(identity, keys.keys[identity])


def create_alias(keys, asked):
    name = asked["AliasName"]
    if not re.fullmatch(r"alias/[a-zA-Z0-9/_-]{1,250}", name) or name.startswith("alias/aws/"):
        raise Refusal("InvalidAliasNameException", name)
    identity, _ = keys.find(asked["TargetKeyId"], aliases=False)
    if name in keys.aliases:
        raise Refusal("AlreadyExistsException", f"An alias with the name {name} already exists")
    keys.aliases[name] = {"key": identity, "created": round(time.time(), 3)}
    return None


def list_aliases(keys, asked):
    """Pages of three, so that few keys are several of them; one of the service's own, without a key."""
    names = ["alias/aws/s3", *sorted(keys.aliases)]
    begin = int(asked.get("Marker", "0"))
    page = []
    for name in names[begin:begin + 3]:
        entry = {"AliasName": name, "AliasArn": f"arn:aws:kms:{REGION}:000000000000:{name}"}
        if name in keys.aliases:
            entry.update({"TargetKeyId": keys.aliases[name]["key"], "CreationDate": keys.aliases[name]["created"]})
        page.append(entry)
    more = begin + 3 < len(names)
    return {"Aliases": page, "Truncated": more, **({"NextMarker": str(begin + 3)} if more else {})}


def describe_key(keys, asked):
    return metadata(*keys.find(asked["KeyId"]))


def set_state(keys, asked, state):
    identity, key = keys.find(asked["KeyId"], aliases=False)
    if key["state"] == "PendingDeletion":
        raise Refusal("KMSInvalidStateException", f"{arn(identity)} is pending deletion.")
    key["state"] = state
    return identity


def disable_key(keys, asked):
    set_state(keys, asked, "Disabled")


def enable_key(keys, asked):
    set_state(keys, asked, "Enabled")


def schedule_key_deletion(keys, asked):
    days = asked.get("PendingWindowInDays", 30)
    if not 7 <= days <= 30:
        raise Refusal("ValidationException", "PendingWindowInDays is 7 to 30")
    identity = set_state(keys, asked, "PendingDeletion")
    keys.keys[identity]["days"] = days
    return {"KeyId": arn(identity), "KeyState": "PendingDeletion", "PendingWindowInDays": days}


def generate_data_key(keys, asked):
    if asked["KeySpec"] != "AES_256":
        raise Refusal("ValidationException", "Only AES_256 here")
    plain = os.urandom(32)
    wrapped = keys.wrap(asked["KeyId"], plain, asked.get("EncryptionContext"))
    return {"CiphertextBlob": text(wrapped), "KeyId": arn(keys.find(asked["KeyId"])[0]), "Plaintext": text(plain)}


def decrypt(keys, asked):
    plain = keys.unwrap(asked["KeyId"], asked["CiphertextBlob"], asked.get("EncryptionContext"))
    return {"KeyId": arn(keys.find(asked["KeyId"])[0]), "Plaintext": text(plain),
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}


def re_encrypt(keys, asked):
    plain = keys.unwrap(asked["SourceKeyId"], asked["CiphertextBlob"], asked.get("SourceEncryptionContext"))
    wrapped = keys.wrap(asked["DestinationKeyId"], plain, asked.get("DestinationEncryptionContext"))
    return {"CiphertextBlob": text(wrapped), "SourceKeyId": arn(keys.find(asked["SourceKeyId"])[0]),
            "KeyId": arn(keys.find(asked["DestinationKeyId"])[0])}


OPERATIONS = {"CreateKey": create_key, "CreateAlias": create_alias, "ListAliases": list_aliases,
              "DescribeKey": describe_key, "DisableKey": disable_key, "EnableKey": enable_key,
              "ScheduleKeyDeletion": schedule_key_deletion, "GenerateDataKey": generate_data_key, "Decrypt": decrypt,
              "ReEncrypt": re_encrypt}


# --- the server ------------------------------------------------------------------------------------------------

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = (self.headers.get("X-Amz-Target") or "").removeprefix("TrentService.")
        with lock:
            fault = self.take_fault(operation)
        access, outcome, status, answer = "-", "done", 200, b""
        try:
            if fault.get("hang"):
                time.sleep(fault["hang"])
            access, rights = authenticate(self.server.folder, self.headers, body)
            if "type" in fault or "status" in fault:
                raise Refusal(fault.get("type", ""), fault.get("message", "as the test wants it"), fault.get("status", 400))
            answer = self.do(operation, access, rights, json.loads(body))
        except Refusal as refusal:
            outcome, status = refusal.kind or str(refusal.status), refusal.status
            answer = json.dumps({"__type": refusal.kind, "message": refusal.message}).encode() if refusal.kind else b""
        with lock, open(f"{self.server.folder}/log", "a", encoding="utf-8") as log:
            print(operation, access, outcome, file=log)
        if fault.get("lose"):
            self.close_connection = True
            return
        # In one piece: two would wait for each other's acknowledgement.
        self.wfile.write(f"HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\n"
                         f"Content-Length: {len(answer)}\r\n\r\n".encode() + answer)

    def do(self, operation, access, rights, asked):
        if operation not in OPERATIONS or self.headers["Content-Type"] != "application/x-amz-json-1.1":
            raise Refusal("UnknownOperationException", "")
        if operation not in rights.get("allow", OPERATIONS):
            raise Refusal("AccessDeniedException", f"User: arn:aws:iam::000000000000:user/{access} is not authorized to "
                                                   f"perform: kms:{operation}")
        with lock:
            made = OPERATIONS[operation](self.server.keys, asked)
            self.server.keys.save()
        return b"" if made is None else json.dumps(made).encode()

    def take_fault(self, operation):
        path = f"{self.server.folder}/faults.json"
        faults = read_json(path, [])
        for fault in faults:
            if fault["operation"] == operation and fault["times"] > 0:
                fault["times"] -= 1
                write_json(path, faults)
                return fault
        return {}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--port", type=int, default=0)
    options = parser.parse_args()
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: no longer than the test
    ThreadingHTTPServer.allow_reuse_address = True
    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.daemon_threads = True
    server.folder, server.keys = options.folder, Keys(f"{options.folder}/state.json")
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{options.folder}/cert.pem", f"{options.folder}/key.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print(f"127.0.0.1:{server.server_address[1]}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.exit(main())
