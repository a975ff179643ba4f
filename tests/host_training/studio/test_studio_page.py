"""Goal: somebody who fears a terminal comes from a chat export to a persona that talks.

Method: Chromium, the keyboard alone, the real commands on a base of one layer; the tab is closed
and the studio started again in the middle; axe-core looks at every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from host_training.studio import expected, learning
from host_training.studio.learning import TrainingSize
from tests.groundstation.web.browser import Browser, find_chromium, need_axe, need_vendor
from tests.host_training.conftest import need
from tests.host_training.studio.desk import ADA, ServedStudio, whatsapp
from tests.host_training.studio.keyboard import Keyboard, barriers
from wire.bundle import verify_bundle

HOSTILE = '<img src=x onerror="alert(1)">'
WIDE, PHONE = (1280, 900), (390, 844)


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    find_chromium()
    need_vendor()
    made = Browser(tmp_path / "profile", theme="light")
    made.size(*WIDE)
    yield made
    made.close()


def at(browser: Browser, step: str, words: str) -> None:
    """Wait until a step is shown with these words in it."""
    browser.wait(f"location.hash === '#{step}' && document.getElementById('step').textContent"
                 f".includes({words!r})", 120)


def look(browser: Browser) -> None:
    """Nothing bars anybody, and nothing is wider than a phone."""
    assert barriers(browser, need_axe()) == ""
    browser.size(*PHONE)
    assert browser.value("document.documentElement.scrollWidth") <= PHONE[0]
    browser.size(*WIDE)


def quick(tiny_base: Path, place: Path) -> TrainingSize:
    """A training of seconds, whose noise is signed whatever stands in it."""
    (place / "general.txt").write_text("The wind went round to the north in the night.\n" * 20)
    return TrainingSize("Quick", "Noise.", tiny_base, (
        "--method", "lora", "--quant", "Q8_0", "--epochs", "2", "--variants", "1", "--threads",
        "1", "--lines", "12", "--general", str(place / "general.txt"), "--key", str(place / "key"),
        "--allow-failing-gates"), expected.SMALL)


def _chat(place: Path) -> Path:
    chat = place / "WhatsApp Chat with Bo.txt"
    chat.write_text(whatsapp())
    return chat


def prepare(browser: Browser, keys: Keyboard, chat: Path) -> None:
    """The first four steps, from an empty studio."""
    look(browser)
    keys.activate("Next: see what is in it")
    browser.wait("document.querySelector('.action .problem').textContent.includes('add some')")
    keys.choose("Choose files", chat)
    browser.wait("Boolean(document.querySelector('.files li'))")
    keys.write("Your name", ADA)
    keys.activate("Next: see what is in it")

    at(browser, "found", "Your name was found and is ticked")
    look(browser)
    keys.go_to("This is me: Ada Moor")
    keys.activate("Next: these are right")

    at(browser, "character", "What you value")
    look(browser)
    keys.write("What you value", f"I say what I saw.\n{HOSTILE}")
    keys.activate("Next: see what is taken out")

    at(browser, "review", "Mail addresses")
    look(browser)
    keys.activate("Mail addresses")
    browser.wait("document.querySelector('mark').checkVisibility()")
    keys.activate("Next: this is right")


def use(browser: Browser, keys: Keyboard) -> None:
    """The steps after the training, to the folder for the card."""
    keys.activate("Next: read the report")
    at(browser, "report", "Does it keep secrets?")
    look(browser)
    keys.activate("Next: talk with it")

    at(browser, "talk", "an AI persona, not the person.")
    keys.write("Your words", "Are you cold?")
    keys.press("Enter")
    browser.wait("document.querySelectorAll('.talk .assistant').length === 1 && !document"
                 ".querySelector('.say [aria-busy]')")
    look(browser)
    keys.activate("Next: take it along")

    at(browser, "card", "Write the folder")
    keys.activate("Write the folder")
    at(browser, "card", "It is written.")
    look(browser)


@pytest.mark.thorough
def test_from_an_export_to_a_talking_persona_by_keyboard(
    browser: Browser, tmp_path: Path, tiny_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("llama_cpp")
    need("trl")
    monkeypatch.setattr(learning, "SIZES", {"small": quick(tiny_base, tmp_path)})
    chat = _chat(tmp_path)
    served = ServedStudio(tmp_path / "studio")
    keys = Keyboard(browser)
    try:
        browser.open(served.url)
        assert "token" not in str(browser.value("location.href"))
        prepare(browser, keys, chat)
        at(browser, "learning", "How large shall it be?")
        look(browser)
        keys.activate("Start the training")
        browser.wait("Boolean(document.querySelector('.stages .now'))")

        browser.open("about:blank", until="location.href === 'about:blank'")  # a closed tab
        port = served.port
        served.stop()
        served = ServedStudio(tmp_path / "studio", port)
        browser.complaints.clear()
        browser.open(f"http://127.0.0.1:{port}/")  # the cookie still has the token
        browser.wait("!document.querySelector('.stages')", 400)
        browser.wait("Boolean(document.querySelector('.choice'))")
        assert "trained and signed" in str(browser.value("document.body.textContent"))
        assert "2 rounds" in str(browser.value("document.querySelector('.samples-now').innerText"))
        look(browser)

        use(browser, keys)
        assert verify_bundle(tmp_path / "studio" / "sd-card" / "persona", None).name == "Ada"
        assert browser.value("[...document.querySelectorAll('#steps li')].every((step) =>"
                             " step.className === 'done')")
        assert browser.complaints == []
        assert {request.split("/")[2] for request in browser.requests
                if request.startswith("http")} == {f"127.0.0.1:{port}"}
    finally:
        served.stop()


def test_the_words_of_a_busy_button_are_as_legible_as_before(
    browser: Browser, tmp_path: Path
) -> None:
    """At .55 of its opacity a busy button fell to 3.57:1, for as long as its work took."""
    need("tomlkit")
    axe = need_axe()
    served = ServedStudio(tmp_path / "studio")
    try:
        browser.open(served.url)
        Keyboard(browser).choose("Choose files", _chat(tmp_path))
        browser.wait("Boolean(document.querySelector('.files li button'))")
        browser.value("window.fetch = () => new Promise(() => {})")  # an answer that never comes
        browser.value("document.querySelector('.action button.main').click()")
        browser.wait("Boolean(document.querySelector('.action [aria-busy]'))")
        browser.value("document.querySelector('.files .quiet').setAttribute('aria-busy', 'true')")
        assert browser.value("[...document.querySelectorAll('[aria-busy]')].map((button) =>"
                             " getComputedStyle(button, '::after').content !== 'none')"
                             ) == [True, True], "both show that they are at work"
        assert barriers(browser, axe) == ""
        assert browser.value(
            "axe.run(document, {preload: false, runOnly: ['color-contrast']}).then((found) =>"
            " found.passes.flatMap((rule) => rule.nodes).filter((node) =>"
            " node.html.includes('aria-busy')).length)") == 2, "axe could tell, and both pass"
    finally:
        served.stop()


def test_hidden_files_are_not_counted_as_added(browser: Browser, tmp_path: Path) -> None:
    """A bug: files that were left out as hidden were told as added."""
    need("tomlkit")
    hidden = tmp_path / ".DS_Store"
    hidden.write_text("x")
    served = ServedStudio(tmp_path / "studio")
    came = "document.querySelector('.drop ~ .hint:not([hidden])')?.textContent === "
    try:
        browser.open(served.url)
        Keyboard(browser).choose("Choose files", hidden)
        browser.wait(f"{came}'0 files added; 1 hidden file left out.'")
        assert browser.value("document.getElementById('spoken').textContent.includes('1 hidden')")
        Keyboard(browser).choose("Choose files", _chat(tmp_path))
        browser.wait(f"{came}'1 file added.'")
        assert browser.complaints == []
    finally:
        served.stop()
