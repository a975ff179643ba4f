"""Which dialog a mission's radio needs."""

from __future__ import annotations

from wire.mission_radio import RadioSection
from wire.modems.ebyte_dialog import EbyteDialog
from wire.modems.radio_dialog import RadioDialog
from wire.modems.rylr_dialog import RylrDialog


def dialog_of(radio: RadioSection, has_mode_pins: bool) -> RadioDialog | None:
    """None for a radio that is no serial module. ``has_mode_pins``: M0 and M1 of an EBYTE module
    follow the dialog's ``pins``, or stand at configuration until it has told its settings."""
    if radio.kind == "ebyte" and radio.ebyte is not None:
        return EbyteDialog(radio.ebyte, radio.rate_bps, has_mode_pins)
    if radio.kind == "rylr" and radio.rylr is not None:
        return RylrDialog(radio.rylr)
    return None
