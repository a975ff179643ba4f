"""Fake devices with physics: receiver, board, camera, minds, services, card."""
