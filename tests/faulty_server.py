"""A small web server on this machine that can be told to misbehave."""

import hashlib
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        path = urllib.parse.unquote(self.path.partition("?")[0])
        server.requests.append((self.path, dict(self.headers)))
        queue = server.faults.get(path, [])
        fault = queue.pop(0) if queue else ""
        if fault.isdecimal():
            return self.answer(int(fault), b"", {"Retry-After": server.retry_after})
        if path in server.redirects:
            return self.answer(302, b"", {"Location": server.redirects[path]})
        if path not in server.files:
            return self.answer(404, b"")
        body, status, headers = server.files[path], 200, {}
        if server.etags:
            headers["ETag"] = '"' + hashlib.md5(body).hexdigest() + '"'
        wanted = re.match(r"bytes=(\d+)-$", self.headers.get("Range", ""))
        unchanged = self.headers.get("If-Range", headers.get("ETag")) == headers.get("ETag")
        if wanted and server.ranges and unchanged:
            start, total = int(wanted[1]), len(body)
            if start >= total:
                return self.answer(416, b"", {"Content-Range": f"bytes */{total}"})
            headers["Content-Range"] = f"bytes {start}-{total - 1}/{total}"
            body, status = body[start:], 206
        sent = body[: len(body) // 2] if fault in ("drop", "stall", "no length") else body
        length = None if fault == "no length" else len(body)
        self.answer(status, sent, headers, length)
        if fault == "stall":
            server.over.wait(5)

    def answer(self, status, body, headers=None, length=0):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


class FaultyServer(ThreadingHTTPServer):
    """Serves ``files``; ``faults[path]`` lists what goes wrong at each of the next requests."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.files, self.faults, self.redirects, self.requests = {}, {}, {}, []
        self.ranges = self.etags = True
        self.retry_after = ""
        self.over = threading.Event()

    def handle_error(self, request, client_address):
        pass  # a client that went away is what these tests are about

    @property
    def asked_ranges(self):
        return [headers.get("Range") for _, headers in self.requests]
