"""A snapshot of the flight in lines of a terminal: pure functions to styled text.

Radio text is a reader's value, cleaned of everything that could move a cursor, and it is only ever
appended as text: nothing in it is markup.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from groundstation.export.markup import clock
from groundstation.reading.alarms import SILENT_FACTOR
from groundstation.tui.snapshot import Snapshot

QUIET_FACTOR = 3  # beacons missed before the age says so, as the page's freshness.js has it
PHASES = {
    "BOOT": "waking", "GROUND": "on the ground", "ASCENT": "rising", "FLOAT": "floating",
    "DESCENT": "falling", "LANDED": "landed", "INFLIGHT_UNKNOWN": "in flight",
}
AT_REST, REST_MPS = ("BOOT", "GROUND", "LANDED"), 1.0
SEALS = {"genuine": "signed", "unverified": "not verified", "unsigned": "not signed"}
ACCENT, SOFT, BAD = "#dfa25a", "dim", "bold #f0907d"
LETTERS_SHOWN = 4


def span(ms: float) -> str:
    """8 s, 4 min, 2 h 10 min."""
    seconds = max(0, round(ms / 1000))
    if seconds < 90:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def climb(value: float | None, phase: str) -> str:
    """Up or down, in m/s. At rest a receiver still shows some: less than REST_MPS is none there."""
    if value is not None and phase in AT_REST and abs(value) < REST_MPS:
        return "0 m/s"
    return _number(value, "+.1f", " m/s")


def strip(snapshot: Snapshot, now_ms: int) -> Text:
    """Who, how high and how old that is."""
    flight, beacon = snapshot.flight, snapshot.believed
    line = Text.assemble((str(flight["name"]), "bold"), "  ")
    if beacon is None:
        return line.append("not received yet", SOFT)
    line.append(PHASES.get(str(beacon["phase"]), "phase unknown"), f"italic {ACCENT}")
    line.append(f"   {_number(beacon['altitude_m'], '.0f', ' m')}", "bold")
    line.append(f"   {climb(beacon['climb_mps'], str(beacon['phase']))}")
    if flight["launch_ms"] is not None:
        minutes, seconds = divmod(max(0, now_ms - flight["launch_ms"]) // 1000, 60)
        line.append(f"   T+{minutes // 60}:{minutes % 60:02d}:{seconds:02d}", SOFT)
    age_ms = now_ms - beacon["utc_ms"]
    expected_ms = 1000 * beacon["expected_every_s"]
    style = SOFT if age_ms <= QUIET_FACTOR * expected_ms else (
        ACCENT if age_ms <= SILENT_FACTOR * expected_ms else BAD)
    return line.append(f"   heard {span(age_ms)} ago, {SEALS[beacon['authenticity']]}", style)


def place(snapshot: Snapshot, now_ms: int) -> Text:
    """The last position, never replaced by one that is not verified."""
    found, is_verified = snapshot.place, snapshot.flight["is_verifying"]
    if found is None:
        return Text("no verified position yet" if is_verified else "no position yet", SOFT)
    line = Text(f"{found.lat_deg:.5f}, {found.lon_deg:.5f}", "bold")
    seal = "verified" if is_verified else "not verified"
    line.append(f"  {seal}, {span(now_ms - found.utc_ms)} ago", SOFT)
    claim = snapshot.flight["sighting"]
    if is_verified and claim and claim["latitude_deg"] is not None:
        line.append(f"\nclaimed, not signed: {claim['latitude_deg']:.4f}, "
                    f"{claim['longitude_deg']:.4f}, {span(now_ms - claim['utc_ms'])} ago", ACCENT)
    return line


def landing(snapshot: Snapshot, now_ms: int) -> Text:
    """Where it will land, or how the forecast was once it is down; empty when nothing is known."""
    station, outcome = snapshot.landing["station"], snapshot.landing["outcome"]
    if outcome is not None:
        line = Text(f"landed {outcome['lat']:.5f}, {outcome['lon']:.5f}")
        for moment in outcome["moments"][:1]:
            if moment["station"] is not None:
                line.append(f", {moment['station']['error_m'] / 1000:.1f} km from the forecast at "
                            "the burst", SOFT)
        return line
    best = station["landings"][0] if station is not None else snapshot.landing["payload"]
    if best is None:
        return Text()
    line = Text(f"lands about {best['lat']:.4f}, {best['lon']:.4f}")
    line.append(f", in {span(best['land_ms'] - now_ms)}, ±{best['along_m'] / 1000:.1f} km", SOFT)
    return line


def payload(snapshot: Snapshot) -> Text:
    """Its health: battery, power, armed or not, faults."""
    beacon = snapshot.believed
    if beacon is None:
        return Text()
    millivolts = beacon["battery_mv"]
    line = Text(_number(None if millivolts is None else millivolts / 1000, ".2f", " V"))
    line.append(f", power {str(beacon['power_mode'] or 'unknown').lower()}")
    line.append(f", outside {_number(beacon['outside_c'], '.0f', ' °C')}")
    if beacon["is_cutdown_armed"]:
        line.append("  CUTDOWN ARMED", BAD)
    if beacon["fault_words"]:
        line.append(f"\nfaults: {', '.join(beacon['fault_words'])}", ACCENT)
    return line


def station(snapshot: Snapshot, now_ms: int) -> Text:
    """The link, and this station apart from the payload."""
    link, radio = snapshot.flight["link"], snapshot.flight["radio"]
    if not snapshot.is_attended:
        return Text("No station is receiving: what the payload does is unknown. Start "
                    "`spacepi-ground serve` or `receive`.", BAD)
    lost = link["loss_recent"]
    line = Text("frames lost: " + ("–" if lost is None else f"{lost:.0%}")
                + " in the last five minutes")
    if link["rssi_dbm"] is not None:
        line.append(f", {link['rssi_dbm']:.0f} dBm")
    if link["snr_db"] is not None:
        line.append(f", SNR {link['snr_db']:.0f} dB")
    if link["last_ms"] is not None:
        line.append(f", anything heard {span(now_ms - link['last_ms'])} ago", SOFT)
    if link.get("impostor"):
        line.append(f"\n{link['impostor']} frames in its name that it did not sign", ACCENT)
    if radio is not None and not radio["is_connected"]:
        line.append(f"\nthe radio is lost: {radio['why']}", BAD)
    return line


def alarms(snapshot: Snapshot, now_ms: int) -> Text:
    """One line each, the newest first; empty when nothing is wrong."""
    names = {"fault": "fault: "}  # the words of the others say what they are about
    lines = [Text.assemble((f"! {names.get(alarm.rule, '')}{alarm.words}",
                            BAD if alarm.is_active else ACCENT),
                           (f", {span(now_ms - alarm.since_ms)} ago"
                            + ("" if alarm.is_active else ", over"), SOFT))
             for alarm in snapshot.alarms]
    return Text("\n").join(lines)


def letters(snapshot: Snapshot) -> Text:
    """The newest questions and commands with what became of them, oldest first."""
    shown = list(snapshot.flight["outbox"])[:LETTERS_SHOWN]
    lines = [Text.assemble(f"{letter['text'] or letter['command']}: ", (str(letter["fate"]), SOFT))
             for letter in reversed(shown)]
    return Text("\n").join(lines)


def diary(snapshot: Snapshot) -> Table:
    """Every entry beside its time (UTC) and altitude, oldest first."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style=SOFT)
    table.add_column(ratio=1)
    for entry in snapshot.diary:
        height = "" if entry["alt_m"] is None else f"{entry['alt_m']:.0f} m"
        for line in _entry(entry):
            table.add_row(f"{clock(entry['when_ms'])} {height:>8}", line)
    return table


def _entry(entry: Mapping[str, Any]) -> Iterator[Text]:
    kind = entry["kind"]
    if kind in ("musing", "reply"):
        if entry["question"]:
            yield Text(f"asked: {entry['question']}", "italic")
        mark = " [canned]" if entry["by"] == "canned" else ""
        seal = "" if entry["authenticity"] == "genuine" else f" ({SEALS[entry['authenticity']]})"
        yield Text.assemble(entry["text"], (mark + seal, SOFT))
    elif kind == "api_call":
        summary = f": {entry['summary']}" if entry["summary"] else ""
        yield Text(f"asked {entry['api']}, {entry['outcome']}{summary}", SOFT)
    elif kind == "thumbnail":
        shows = ", ".join(dict.fromkeys([entry["scene"] or "unnamed", *entry["sees"]]))
        yield Text(f"took a picture: {shows}", ACCENT)
    elif kind == "sound":
        level = "" if entry["spl_db"] is None else f", {entry['spl_db']:.0f} dB"
        yield Text(f"heard {' and '.join(entry['heard'])}{level}", SOFT)
    else:
        yield Text(entry["event"], BAD)


def _number(value: float | None, form: str, unit: str) -> str:
    return "–" if value is None else f"{value:{form}}{unit}"
