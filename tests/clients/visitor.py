#!/usr/bin/env python3
"""A person at a browser without a screen: signs in on the pages, accepts, and goes where the server sends them.

`visitor.py URL` is what a library starts as the browser. Without an argument it reads one JSON object from its input and tells
the answer that the application would get: `url`, and where they differ from the usual, `code` (a device's code), `who`
(`customer`: a person of the customer's tenant) and `decline` (no consent).
"""

import json
import os
import pathlib
import sys
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

# Pages are read as the example for people's own tests reads them.
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "docs" / "examples"))
from browser import Page, origin_of  # noqa: E402

# More pages than any way through them has.
MOST = 15


class Visitor:
    """One person, with the cookies of one browser."""

    def __init__(self, name, password, code=None, decline=False):
        self.session = requests.Session()
        decision = {"decision": "decline" if decline else "accept"}
        self.typed = {
            "user_name": {"username": name},
            "password": {"password": password},
            "stay": {"stay": "no"},
            "consent": decision,
            "device_code": {"otc": code},
            "device_confirm": decision,
        }
        self.seen = []

    def visit(self, url):
        """Goes to an address and through the pages; gives where the answer goes, how, and its parameters.

        Where no answer leaves for an application, `to` is `None` and `heading` the last page's.
        """
        here, method, fields = url, "GET", None
        for _ in range(MOST):
            # As browsers do: a form says where it was sent from.
            headers = {"Origin": origin_of(here)} if method == "POST" else {}
            answer = self.session.request(
                method, here, data=fields, headers=headers, allow_redirects=False, timeout=30
            )
            if answer.is_redirect:
                target = urljoin(here, answer.headers["Location"])
                if origin_of(target) != origin_of(here):
                    parts = urlsplit(target)
                    parameters = dict(parse_qsl(parts.query or parts.fragment))
                    return {"to": target, "method": "GET", "parameters": parameters}
                here, method, fields = target, "GET", None
                continue
            page = Page(answer.status_code, answer.text)
            text = " ".join(page.lines)
            self.seen.append(page.title)
            form = page.forms[0] if page.forms else None
            if form is None:
                if answer.status_code >= 400 or "AADSTS" in text:
                    raise SystemExit("%d: %s" % (answer.status_code, text))
                return {"to": None, "heading": page.title}
            target = urljoin(here, form["action"])
            if origin_of(target) != origin_of(here):
                return {"to": target, "method": "POST", "parameters": form["fields"]}
            step = form["fields"].get("step")
            if step not in self.typed or step == "consent" and "shown" not in form["fields"]:
                raise SystemExit("the page '%s' cannot be answered: %s" % (page.title, text))
            here, method, fields = target, "POST", {**form["fields"], **self.typed[step]}
        raise SystemExit("the server sends the browser in circles: %s" % self.seen)


def deliver(answer):
    """Brings an answer to the application that listens."""
    data = answer["parameters"] if answer["method"] == "POST" else None
    brought = requests.request(answer["method"], answer["to"], data=data, timeout=30)
    brought.raise_for_status()


def visit(url, who="user", **more):
    """A person whom the suite made goes to an address; the answer for the application."""
    stage = json.loads(pathlib.Path(os.environ["BARTIZAN_TEST_STAGE"]).read_text())
    person = stage["partner"]["person"] if who == "customer" else stage["user"]
    return Visitor(person["name"], person["password"], **more).visit(url)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        deliver(visit(sys.argv[1]))
    else:
        print(json.dumps(visit(**json.load(sys.stdin))))
