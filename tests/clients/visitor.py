#!/usr/bin/env python3
"""A person at a browser without a screen: signs in on the pages, accepts, and goes where the server sends them.

`visitor.py URL` is what a library starts as the browser. Without an argument it reads one JSON object from its input and tells
the answer that the application would get: `url`, and where they differ from the usual, `code` (a device's code), `who`
(`customer`: a person of the customer's tenant) and `decline` (no consent).
"""

import html.parser
import json
import os
import pathlib
import sys
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests

# More pages than any way through them has.
MOST = 15


class Page(html.parser.HTMLParser):
    """The forms of a page, its heading and its text."""

    def __init__(self, text):
        super().__init__()
        self.forms, self.heading, self.words = [], "", []
        self._in_heading = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.forms.append({"action": attributes.get("action", ""), "fields": {}})
        elif tag == "input" and attributes.get("type") == "hidden" and self.forms:
            self.forms[-1]["fields"][attributes["name"]] = attributes.get("value", "")
        self._in_heading = tag == "h1"

    def handle_endtag(self, tag):
        if tag == "h1":
            self._in_heading = False

    def handle_data(self, data):
        if self._in_heading:
            self.heading += data
        self.words.append(data)

    def text(self):
        """All that can be read on it."""
        return " ".join(" ".join(self.words).split())


def origin(url):
    """Scheme, host and port."""
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


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
            headers = {"Origin": "%s://%s" % origin(here)} if method == "POST" else {}
            answer = self.session.request(
                method, here, data=fields, headers=headers, allow_redirects=False, timeout=30
            )
            if answer.is_redirect:
                target = urljoin(here, answer.headers["Location"])
                if origin(target) != origin(here):
                    parts = urlsplit(target)
                    parameters = dict(parse_qsl(parts.query or parts.fragment))
                    return {"to": target, "method": "GET", "parameters": parameters}
                here, method, fields = target, "GET", None
                continue
            page = Page(answer.text)
            self.seen.append(page.heading)
            form = page.forms[0] if page.forms else None
            if form is None:
                if answer.status_code >= 400 or "AADSTS" in page.text():
                    raise SystemExit("%d: %s" % (answer.status_code, page.text()))
                return {"to": None, "heading": page.heading}
            target = urljoin(here, form["action"])
            if origin(target) != origin(here):
                return {"to": target, "method": "POST", "parameters": form["fields"]}
            step = form["fields"].get("step")
            if step not in self.typed or step == "consent" and "shown" not in form["fields"]:
                raise SystemExit("the page '%s' cannot be answered: %s" % (page.heading, page.text()))
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
