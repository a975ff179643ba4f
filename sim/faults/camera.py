"""Camera faults (docs/faults.md, 58 to 62): it hangs, dies, or returns wrong or empty pictures."""

from __future__ import annotations

from functools import partial

from sim.fakes.camera_faults import CameraFault
from sim.faults.stage import End, Fault, Stage
from wire.commands import Opcode

ASK_EVERY_S = 30.0  # the station asks for pictures, so that a short fault meets one
LASTS_S = (180.0, 900.0)


def _asked(stage: Stage) -> End:
    return stage.every(ASK_EVERY_S, partial(stage.command, Opcode.PICTURE_NOW))


def _camera(stage: Stage, fault: CameraFault) -> End:
    camera = stage.world.camera
    camera.fault = fault
    stop = _asked(stage)

    def end() -> None:
        stop()
        camera.fault = None

    return end


def _flag(stage: Stage, flag: str) -> End:
    camera = stage.world.camera
    setattr(camera, flag, True)
    stop = _asked(stage)

    def end() -> None:
        stop()
        setattr(camera, flag, False)

    return end


def _fault(number: int, name: str, what: str, fault: CameraFault) -> Fault:
    return Fault(number, f"camera.{name}", what, partial(_camera, fault=fault), LASTS_S)


FAULTS: tuple[Fault, ...] = (
    _fault(58, "hangs", "a capture never returns", CameraFault.HANGS),
    _fault(58, "cannot_be_killed", "a capture never returns, and its process does not die",
           CameraFault.CANNOT_BE_KILLED),
    _fault(59, "empty", "a picture of 0 bytes", CameraFault.EMPTY),
    _fault(59, "truncated", "a truncated picture", CameraFault.TRUNCATED),
    _fault(59, "huge", "a picture of 40 MB", CameraFault.HUGE),
    _fault(59, "not_a_picture", "an HTML page instead of a picture", CameraFault.NOT_A_PICTURE),
    _fault(60, "dies", "the camera's process crashes each time", CameraFault.DIES),
    Fault(61, "camera.unplugged", "the camera is disconnected and comes back",
          partial(_flag, flag="is_unplugged"), LASTS_S),
    _fault(62, "black", "every picture is black", CameraFault.BLACK),
    _fault(62, "white", "every picture is white", CameraFault.WHITE),
    _fault(62, "frosted", "ice on the lens: pictures without edges", CameraFault.FROSTED),
    Fault(62, "camera.sun", "a picture with the sun in it is white",
          partial(_flag, flag="whites_out_in_sun"), LASTS_S),
)
