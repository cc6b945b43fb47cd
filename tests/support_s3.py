"""A small S3-compatible server of our own, on loopback: objects in memory, signatures verified as the real one does.

It follows Amazon's public description of the REST API (PutObject, GetObject with Range, HeadObject, DeleteObject(s), ListObjectsV2,
multipart uploads) and of Signature Version 4. A request that is not signed with the right secret gets 403 and nothing else.
"""

import hashlib
import hmac
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, quote, unquote, urlsplit
from xml.etree import ElementTree

ACCESS_KEY, SECRET_KEY, BUCKET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "attachments"
_SPACE = "http://s3.amazonaws.com/doc/2006-03-01/"
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, ?SignedHeaders=([^,]+), ?Signature=(\w+)"
)


@dataclass
class S3:
    """What the server holds and has seen. Turn `answering` to False and every request gets 503."""

    url: str = ""
    objects: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[int, bytes]] = field(default_factory=dict)
    seen: list[str] = field(default_factory=list)  #: method and path of every request
    largest_body: int = 0
    answering: bool = True
    numbers: int = 0

    def environment(self) -> dict[str, str]:
        """What a program needs to reach it."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }


@contextmanager
def s3_server() -> Iterator[S3]:
    """One server with the bucket `attachments`, until the block ends."""
    held = S3()
    handler = type("Handler", (_Handler,), {"held": held})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    held.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    held: S3
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        return

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        address = urlsplit(self.path)
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        self.held.seen.append(f"{self.command} {address.path}" + (f"?{'&'.join(sorted(query))}" if query else ""))
        self.held.largest_body = max(self.held.largest_body, len(body))
        if not self.held.answering:
            return self._fail(503, "SlowDown")
        if (wrong := self._wrong_signature(body, address.path, query)) is not None:
            return self._fail(403, wrong)
        bucket, _, key = unquote(address.path).lstrip("/").partition("/")
        if bucket != BUCKET:
            return self._fail(404, "NoSuchBucket")
        if not key:
            return self._bucket(query, body)
        return self._multipart(key, query, body) if "uploads" in query or "uploadId" in query else self._object(key, body)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = _serve

    def _object(self, key: str, body: bytes) -> None:
        objects = self.held.objects
        if self.command == "PUT":
            objects[key] = body
            return self._answer(200, headers={"ETag": _etag(body)})
        if self.command == "DELETE":
            objects.pop(key, None)
            return self._answer(204)
        if key not in objects:
            return self._fail(404, "NoSuchKey")
        content, headers = objects[key], {"ETag": _etag(objects[key]), "Last-Modified": formatdate(usegmt=True)}
        if found := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(found[1]), min(int(found[2] or len(content) - 1), len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
            return self._answer(206, content[first : last + 1], headers)
        return self._answer(200, content, headers)

    def _multipart(self, key: str, query: dict[str, str], body: bytes) -> None:
        uploads = self.held.uploads
        if "uploads" in query:
            self.held.numbers += 1
            name = f"upload-{self.held.numbers}"
            uploads[name] = {}
            return self._xml("InitiateMultipartUploadResult", f"<UploadId>{name}</UploadId>")
        parts = uploads.get(query["uploadId"])
        if parts is None:
            return self._fail(404, "NoSuchUpload")
        if self.command == "PUT":
            parts[int(query["partNumber"])] = body
            return self._answer(200, headers={"ETag": _etag(body)})
        del uploads[query["uploadId"]]
        if self.command == "DELETE":
            return self._answer(204)
        numbers = [int(each.text or 0) for each in ElementTree.fromstring(body).iter() if each.tag.endswith("PartNumber")]
        if any(len(parts[number]) < 5 << 20 for number in numbers[:-1]):
            return self._fail(400, "EntityTooSmall")
        self.held.objects[key] = b"".join(parts[number] for number in numbers)
        return self._xml("CompleteMultipartUploadResult", f"<ETag>{_etag(self.held.objects[key])}</ETag>")

    def _bucket(self, query: dict[str, str], body: bytes) -> None:
        if "delete" in query:
            keys = [each.text or "" for each in ElementTree.fromstring(body).iter() if each.tag.endswith("Key")]
            for key in keys:
                self.held.objects.pop(key, None)
            return self._xml("DeleteResult", "".join(f"<Deleted><Key>{key}</Key></Deleted>" for key in keys))
        prefix = query.get("prefix", "")
        found = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(content)}</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>"
            for key, content in sorted(self.held.objects.items())
            if key.startswith(prefix)
        )
        return self._xml("ListBucketResult", f"<IsTruncated>false</IsTruncated>{found}")

    def _wrong_signature(self, body: bytes, path: str, query: dict[str, str]) -> str | None:
        """The error code of a request that is not signed as it must be."""
        found = _SIGNED.fullmatch(self.headers.get("Authorization", ""))
        if found is None:
            return "AccessDenied"
        key, day, region, names, signature = found.groups()
        if key != ACCESS_KEY:
            return "InvalidAccessKeyId"
        said = self.headers.get("x-amz-content-sha256", "")
        if said not in {hashlib.sha256(body).hexdigest(), "UNSIGNED-PAYLOAD"}:
            return "XAmzContentSHA256Mismatch"
        signed = "".join(f"{name}:{' '.join(self.headers.get(name, '').split())}\n" for name in names.split(";"))
        asked = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query.items()))
        canonical = "\n".join([self.command, path, asked, signed, names, said])
        scope = f"{day}/{region}/s3/aws4_request"
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        text = "\n".join(["AWS4-HMAC-SHA256", self.headers.get("x-amz-date", ""), scope, digest])
        secret = f"AWS4{SECRET_KEY}".encode()
        for part in (day, region, "s3", "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        right = hmac.new(secret, text.encode(), "sha256").hexdigest()
        return None if hmac.compare_digest(right, signature) else "SignatureDoesNotMatch"

    def _xml(self, name: str, inner: str) -> None:
        self._answer(
            200, f'<?xml version="1.0"?><{name} xmlns="{_SPACE}">{inner}</{name}>'.encode(), {"Content-Type": "application/xml"}
        )

    def _fail(self, status: int, code: str) -> None:
        self._answer(
            status, f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), {"Content-Type": "application/xml"}
        )

    def _answer(self, status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


def _etag(content: bytes) -> str:
    return f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
