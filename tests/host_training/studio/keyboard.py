"""A user without a mouse: the Tab key, Enter, Space and letters, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from tests.groundstation.web.browser import Browser

TABS_MAX = 120  # to anything on a page, from anywhere
KEYS = {"Tab": 9, "Enter": 13, " ": 32}
# How a screen reader calls the thing that has the focus.
FOCUSED = """(() => {
  const node = document.activeElement;
  if (['BODY', 'MAIN'].includes(node.tagName)) return '';
  const labels = [...(node.labels ?? [])].map((label) => label.textContent);
  return (node.getAttribute('aria-label') ?? '') || labels.join(' ') || node.textContent;
})()"""


class Keyboard:
    """Keys for the page of ``browser``."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def press(self, key: str) -> None:
        named = {"key": key, "code": "Space" if key == " " else key,
                 "windowsVirtualKeyCode": KEYS[key],
                 **({"text": "\r"} if key == "Enter" else {"text": " "} if key == " " else {})}
        self._browser.call("Input.dispatchKeyEvent", type="keyDown", **named)
        self._browser.call("Input.dispatchKeyEvent", type="keyUp", **named)

    def go_to(self, words: str) -> None:
        """Tab until the focus is on what is called so, which must be seen to have it."""
        for _ in range(TABS_MAX):
            self.press("Tab")
            if words in str(self._browser.value(FOCUSED)):
                return
        raise AssertionError(f"no Tab leads to {words!r}")

    def write(self, words: str, text: str) -> None:
        """Into the field that is called ``words``, in place of what stands there."""
        self.go_to(words)
        self._browser.value("document.activeElement.select()")
        self._browser.call("Input.insertText", text=text)

    def activate(self, words: str, key: str = "Enter") -> None:
        """Press the button, link or box that is called so."""
        self.go_to(words)
        self.press(key)

    def choose(self, words: str, path: Path) -> None:
        """A file in the picker that is called so: a headless browser opens no dialog."""
        self.go_to(words)
        node = self._browser.call("Runtime.evaluate", expression="document.activeElement")
        self._browser.call("DOM.setFileInputFiles", files=[str(path)],
                           objectId=node["result"]["objectId"])


def barriers(browser: Browser, axe: str) -> str:
    """What axe-core finds by the rules of WCAG 2 A and AA, by day and by night; "" for nothing."""
    browser.value(f"{axe};0")
    found = []
    for theme in ("light", "dark"):
        browser.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": theme}])
        found += browser.value(
            "axe.run(document, {preload: false, runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})"
            ".then((found) => found.violations.map((v) => [v.id, ...v.nodes.map((n) =>"
            " n.target.join(' ') + ' ' + n.failureSummary)]))")
    return json.dumps(found, indent=1) if found else ""
