"""SideFrames: chooses the hand of each side that gets the TF frame of that side."""

from __future__ import annotations

from collections.abc import Container

from handos_model.hand import KNOWN_SIDES, Hand
from handos_model.wrist_pose import wrist_rotation


class SideFrames:
    """The frame of a side stays with its hand as long as that hand is tracked, so it never jumps between two people.

    After that, the best-scoring hand of that side gets it.
    """

    def __init__(self) -> None:
        self._holders: dict[str, int] = {}

    def chosen(self, hands: list[Hand], followed: Container[int]) -> list[Hand]:
        """At most one hand of each known side, chosen from those that have an orientation.

        followed: ids of tracked hands, including those that are not seen at the moment.
        """
        chosen = []
        for side in KNOWN_SIDES:
            of_side = [hand for hand in hands if hand.side == side and wrist_rotation(hand) is not None]
            of_side.sort(key=lambda hand: -hand.score)
            holder = self._holders.get(side, -1)
            mine = [hand for hand in of_side if hand.id == holder >= 0]
            turned = any(hand.id == holder and hand.side not in (side, "unknown") for hand in hands)
            if not mine and holder in followed and not turned:
                continue  # briefly not seen, or without an orientation
            mine = mine or of_side[:1]
            self._holders[side] = mine[0].id if mine else -1
            chosen += mine
        return chosen
