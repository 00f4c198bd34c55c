"""The weights that training moves in a network on a frozen foundation."""

from __future__ import annotations

from torch import Tensor, nn


class Trainable(nn.Module):
    """A network whose frozen part is its child `detector`, which brings its own weights."""

    def trainable_state(self) -> dict[str, Tensor]:
        """Weights that training moves: everything but the detector's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith("detector.")}

    def load_trainable_state(self, state: dict[str, Tensor]) -> None:
        """Load what :meth:`trainable_state` gave; a missing or unknown name is an error."""
        result = self.load_state_dict(state, strict=False)  # the detector brings its own weights
        missing = [k for k in result.missing_keys if not k.startswith("detector.")]
        if missing or result.unexpected_keys:
            raise ValueError(
                f"these weights do not fit this network: missing {missing[:3]}, unknown {result.unexpected_keys[:3]}"
            )
