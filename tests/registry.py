"""A registry of images for tests, on loopback, where a Docker daemon asks for no TLS: it hands out one image that a daemon has exported."""

import hashlib
import io
import json
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIGURATION = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
"""Packed or not: the daemon looks."""


class Registry:
    """Serves `archive`, what `docker save` writes of one image, under the name that `image` is. `asked` are the paths."""

    def __init__(self, archive: bytes) -> None:
        self.asked: list[str] = []
        self._blobs: dict[str, bytes] = {}
        self._manifest = self._read(archive)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever)

    @property
    def image(self) -> str:
        return f"127.0.0.1:{self._server.server_port}/tests/echo:1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _read(self, archive: bytes) -> bytes:
        """Keep its blobs; the manifest that names them."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = {entry.name: file.read() for entry in tar if entry.isfile() and (file := tar.extractfile(entry)) is not None}
        (told,) = json.loads(files["manifest.json"])
        configuration = self._kept(files[told["Config"]], CONFIGURATION)
        layers = [self._kept(files[name], LAYER) for name in told["Layers"]]
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": configuration, "layers": layers}
        return json.dumps(manifest).encode()

    def _kept(self, blob: bytes, kind: str) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        self._blobs[digest] = blob
        return {"mediaType": kind, "size": len(blob), "digest": digest}

    def _answer(self, path: str) -> tuple[int, str, bytes]:
        self.asked.append(path)
        last = path.rpartition("/")[2]
        if path == "/v2/":
            return 200, "application/json", b"{}"
        if path.startswith("/v2/tests/echo/blobs/") and last in self._blobs:
            return 200, "application/octet-stream", self._blobs[last]
        if path == "/v2/tests/echo/manifests/1" or last == f"sha256:{hashlib.sha256(self._manifest).hexdigest()}":
            return 200, MANIFEST, self._manifest
        unknown = {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "manifest unknown"}]}
        return 404, "application/json", json.dumps(unknown).encode()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                status, kind, body = registry._answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Docker-Content-Digest", f"sha256:{hashlib.sha256(body).hexdigest()}")
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(body)

            def do_HEAD(self) -> None:
                self.do_GET()

            def log_message(self, *_: object) -> None:
                """Tests read `asked`."""

        return Handler
