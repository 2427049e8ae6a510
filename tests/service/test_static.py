"""The files of the page as a browser gets them."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette

from service import static

FOLDER = Path(static.__file__).parent / "page"


class Client:
    """Asks the routes without a port."""

    def __init__(self) -> None:
        self.app = Starlette(routes=[*static.routes()])

    def __call__(self, method: str, path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://page") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture(scope="module")
def client() -> Client:
    return Client()


@pytest.mark.parametrize("path", sorted(static.PATHS))
def test_a_file_comes_whole_with_its_type_and_its_policy(client: Client, path: str) -> None:
    answer = client("GET", path)
    name = "index.html" if path == "/" else path[1:]
    kinds = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
    assert answer.status_code == 200
    assert answer.content == (FOLDER / name).read_bytes()
    assert answer.headers["content-type"] == kinds.get(name.rpartition(".")[2], "text/javascript; charset=utf-8")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@pytest.mark.parametrize("sent", ["{tag}", "W/{tag}", '"other", {tag}', "*"])
def test_what_the_browser_holds_is_not_sent_again(client: Client, sent: str) -> None:
    first = client("GET", "/page.js")
    assert first.headers["cache-control"] == "no-cache"
    again = client("GET", "/page.js", **{"If-None-Match": sent.format(tag=first.headers["etag"])})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("sent", ['"other"', "", "etag"])
def test_an_older_version_is_replaced(client: Client, sent: str) -> None:
    assert client("GET", "/page.js", **{"If-None-Match": sent}).status_code == 200


def test_every_file_has_its_own_etag_and_takes_no_post(client: Client) -> None:
    tags = [client("GET", path).headers["etag"] for path in static.PATHS]
    assert len(set(tags)) == len(tags)
    assert {client("POST", path).status_code for path in static.PATHS} == {405}
    assert client("HEAD", "/").headers["content-length"] == str((FOLDER / "index.html").stat().st_size)


def test_every_file_of_the_folder_is_served() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {name for name, _ in static.FILES.values()}


@pytest.mark.parametrize("path", sorted(FOLDER.iterdir()), ids=lambda path: path.name)
def test_nothing_in_the_files_needs_what_the_policy_forbids(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    named = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+[^\s\"')]*", text))
    assert named <= {"http://www.w3.org/2000/svg"}  # the name of a language, which nothing loads
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|import\(", text)
    assert not re.search(r"localStorage|document\.cookie|indexedDB", text)
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", text)
    if path.suffix == ".css":
        assert "@import" not in text
        assert "url(" not in text


def test_files_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail(f"{path} was read for a request"))
    assert client("GET", "/").status_code == 200
