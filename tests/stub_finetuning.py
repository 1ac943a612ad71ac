"""A stub of OpenAI's fine-tuning wire on a loopback port, for the official SDK, with faults on demand.

    with FineTuningStub() as stub:
        client = openai.OpenAI(base_url=stub.url, api_key="sk-test")
        stub.fail("POST /fine_tuning/jobs", "lost")      # does it, then drops the connection

Faults: `lost` (done, but no answer), `drop` (not done, no answer), or `(status, code, message)`.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Fault = str | tuple[int, str, str]


@dataclass
class FineTuningStub:
    """State of the pretended service. Tests read and change it freely."""

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    job_events: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    job_checkpoints: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    faults: dict[str, list[Fault]] = field(default_factory=lambda: defaultdict(list))
    page_size: int = 2
    keeps_metadata: bool = True

    def __enter__(self) -> FineTuningStub:
        stub = self

        class Handler(_Handler):
            service = stub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def fail(self, route: str, *faults: Fault) -> None:
        """The next requests to a route, such as `POST /files`, go wrong, one fault each."""
        self.faults[route] += faults

    def count(self, route: str) -> int:
        return sum(asked == route for asked, _ in self.requests)

    def finish(self, job_id: str, *, model: str = "ft:base:org:name:1", tokens: int = 1000, csv: bytes = b"") -> None:
        """Let a job succeed, with a result file where `csv` is given."""
        job = self.jobs[job_id]
        job |= {
            "status": "succeeded",
            "fine_tuned_model": model,
            "trained_tokens": tokens,
            "finished_at": 1_800_000_000,
        }
        if csv:
            job["result_files"] = [self.add_file("step_metrics.csv", csv, "fine-tune-results")["id"]]

    def event(
        self, job_id: str, message: str, data: dict[str, Any] | None = None, at: int = 0, level: str = "info"
    ) -> None:
        listing = self.job_events[job_id]
        number = len(listing) + 1
        listing.append(
            {"id": f"ftevent-{number}", "object": "fine_tuning.job.event", "created_at": at or 1_700_000_000 + number,
             "level": level, "message": message, "data": data, "type": "metrics" if data else "message"}
        )  # fmt: skip

    def checkpoint(self, job_id: str, step: int, valid_loss: float) -> None:
        self.job_checkpoints[job_id].append(
            {"id": f"ftckpt-{step}", "object": "fine_tuning.job.checkpoint", "created_at": 1_700_000_000 + step,
             "fine_tuned_model_checkpoint": f"ft:base:org:name:1:ckpt-step-{step}", "fine_tuning_job_id": job_id,
             "metrics": {"step": step, "train_loss": 1.0, "full_valid_loss": valid_loss}, "step_number": step}
        )  # fmt: skip

    def add_file(self, name: str, content: bytes, purpose: str) -> dict[str, Any]:
        file_id = f"file-{len(self.contents) + 1}"
        self.contents[file_id] = content
        self.files[file_id] = {"id": file_id, "object": "file", "bytes": len(content), "created_at": int(time.time()),
                               "filename": name, "purpose": purpose, "status": "processed"}  # fmt: skip
        return self.files[file_id]

    def add_job(self, body: dict[str, Any]) -> dict[str, Any]:
        job_id = f"ftjob-{len(self.jobs) + 1}"
        self.jobs[job_id] = {
            "id": job_id, "object": "fine_tuning.job", "created_at": int(time.time()), "model": body["model"],
            "status": "validating_files", "training_file": body["training_file"],
            "validation_file": body.get("validation_file"), "hyperparameters": {"n_epochs": "auto"},
            "method": body.get("method"), "seed": body.get("seed") or 7, "organization_id": "org-1", "result_files": [],
            "fine_tuned_model": None, "finished_at": None, "trained_tokens": None, "error": None,
            "metadata": body.get("metadata") if self.keeps_metadata else None,
        }  # fmt: skip
        return self.jobs[job_id]


class _Refused(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        self.status, self.body = status, {"error": {"message": message, "type": "error", "param": None, "code": code}}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service: FineTuningStub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_GET

    def _serve(self) -> None:
        stub = self.service
        url = urlsplit(self.path)
        parts = url.path.removeprefix("/v1").strip("/").split("/")
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        if len(raw) < length:
            return self._hang_up()
        if self.headers.get("Transfer-Encoding") == "chunked":
            raw = self._chunks()
        route = f"{self.command} /{_route(parts)}"
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        body = json.loads(raw) if raw and "json" in self.headers.get("Content-Type", "") else {}
        stub.requests.append((route, body))
        fault = stub.faults[route].pop(0) if stub.faults[route] else None
        if fault == "drop":
            return self._hang_up()
        try:
            if isinstance(fault, tuple):
                raise _Refused(*fault)
            answer = self._answer(route, parts, query, body, raw)
        except _Refused as refused:
            return self._send(refused.status, json.dumps(refused.body).encode())
        if fault == "lost":
            return self._hang_up()
        return self._send(200, answer if isinstance(answer, bytes) else json.dumps(answer).encode())

    def _chunks(self) -> bytes:
        result = b""
        while size := int(self.rfile.readline(), 16):
            result += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return result

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _answer(self, route: str, parts: list[str], query: dict[str, str], body: dict[str, Any], raw: bytes) -> Any:
        stub = self.service
        match route:
            case "POST /files":
                return stub.add_file(*_multipart(self.headers["Content-Type"], raw))
            case "GET /files":
                target = [f for f in stub.files.values() if f["purpose"] == query.get("purpose", f["purpose"])]
                return self._page(target[::-1], query)
            case "GET /files/ID/content":
                return stub.contents[parts[1]]
            case "DELETE /files/ID":
                stub.files.pop(parts[1])
                return {"id": parts[1], "object": "file", "deleted": True}
            case "POST /fine_tuning/jobs":
                return stub.add_job(body)
            case "GET /fine_tuning/jobs":
                return self._page(list(stub.jobs.values())[::-1], query)
        return self._about_job(route, parts, query)

    def _about_job(self, route: str, parts: list[str], query: dict[str, str]) -> Any:
        stub = self.service
        job = stub.jobs.get(parts[2]) if len(parts) > 2 else None
        if job is None:
            raise _Refused(404, "not_found", "no such thing")
        match route:
            case "GET /fine_tuning/jobs/ID":
                return job
            case "POST /fine_tuning/jobs/ID/cancel":
                if job["status"] in ("succeeded", "failed", "cancelled"):
                    raise _Refused(400, "job_not_cancellable", f"the job is {job['status']}")
                return job | job.__ior__({"status": "cancelled"})
            case "GET /fine_tuning/jobs/ID/events":
                return self._page(stub.job_events[job["id"]][::-1], query)
            case "GET /fine_tuning/jobs/ID/checkpoints":
                return self._page(stub.job_checkpoints[job["id"]][::-1], query)
        raise _Refused(404, "not_found", "no such path")

    def _page(self, listed: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
        """Few per page whatever the limit, so that every test pages."""
        ids = [item["id"] for item in listed]
        start = ids.index(query["after"]) + 1 if query.get("after") else 0
        page = listed[start : start + self.service.page_size]
        return {"object": "list", "data": page, "has_more": start + len(page) < len(listed)}


def _route(parts: list[str]) -> str:
    fixed = {"files", "fine_tuning", "jobs", "content", "cancel", "events", "checkpoints"}
    return "/".join(part if part in fixed else "ID" for part in parts)


def _multipart(content_type: str, raw: bytes) -> tuple[str, bytes, str]:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    message = parser.parsebytes(f"Content-Type: {content_type}\r\n\r\n".encode() + raw)
    name, content, purpose = "", b"", ""
    for part in message.iter_parts():
        if part.get_param("name", header="content-disposition") == "purpose":
            purpose = part.get_content().strip() if part.get_content_maintype() == "text" else part.get_payload()
        else:
            name, content = part.get_filename() or "", part.get_payload(decode=True) or b""
    return name, content, purpose
