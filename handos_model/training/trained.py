"""A trained network as evaluation runs it: straight from its checkpoint, on any device, also in given boxes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from handos_model.network.candidates import Candidates
from handos_model.network.handos import Chosen
from handos_model.training.cost import chosen_device
from handos_model.training.objective.matcher import pairwise_iou
from handos_model.training.onnx_graph import Graph, describe
from handos_model.training.recipe import read_recipe
from handos_model.training.trainer import build_network, recipe_template
from handos_model.training.weights import load_into, load_weights


class TrainedNetwork:
    """Answers like HandSession. recipe: by default recipe.yaml next to the checkpoint; device: auto, cpu or cuda.

    threshold: minimum score of an instance that is decoded; by default the detector's. Raises FileNotFoundError without
    the files, ValueError if they do not fit together.
    """

    def __init__(
        self, checkpoint: Path, recipe: Path | None = None, device: str = "auto", threshold: float | None = None
    ) -> None:
        path = recipe or checkpoint.with_name("recipe.yaml")
        made_by = read_recipe(path)
        made_by.check_stage(path, "evaluation of a checkpoint")
        network = build_network(made_by)
        load_into(network, load_weights(checkpoint), checkpoint)
        min_score = None if threshold is None else min(threshold, network.detector.min_score)
        self.device = torch.device(chosen_device(device))
        self.graph = Graph(network, min_score, made_by.stage).to(self.device).eval()
        self.outputs: tuple[str, ...] = self.graph.outputs
        self.template = recipe_template(made_by)
        self.metadata = describe(network) | {"name": f"handos_{made_by.name}"}

    def run(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs for a letterboxed image (H, W, 3) uint8."""
        with torch.no_grad():
            values = self.graph(self.batch(image))
        return dict(zip(self.outputs, (value.cpu().numpy() for value in values), strict=True))

    def run_boxes(self, image: np.ndarray, boxes: np.ndarray) -> dict[str, np.ndarray]:
        """The outputs for hands in boxes (N, 4) xyxy px, in their order: see `nearest_instances`."""
        given = torch.tensor(boxes, dtype=torch.float32, device=self.device)

        def choose(candidates: Candidates) -> Chosen:
            return Chosen(nearest_instances(candidates, given), boxes=given[None])

        with torch.no_grad():
            found = self.graph.hands(self.batch(image), choose)
        return {name: found[name].cpu().numpy() for name in self.outputs}

    def detections(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (Q, 4) xyxy px and scores (Q,) of all instances of the detector."""
        with torch.no_grad():
            _, _, found = self.graph.network.detect(self.batch(image).permute(0, 3, 1, 2).float() / 255)
        return found.boxes[0].cpu().numpy(), found.scores[0].cpu().numpy()

    def batch(self, image: np.ndarray) -> Tensor:
        """The image as a batch of one."""
        return torch.from_numpy(image)[None].to(self.device)


def nearest_instances(candidates: Candidates, boxes: Tensor) -> Tensor:
    """Which instances (1, N) of one image are the hands in boxes (N, 4): those for which SimOTA's cost is least.

    The paper does not say which query belongs to a given box. One instance may serve several boxes.
    """
    iou = pairwise_iou(candidates.boxes[0], boxes)  # (Q, N)
    cost = -candidates.scores[0].clamp(1e-6, 1).log()[:, None] - iou.clamp(1e-8).log()
    return cost.argmin(0)[None]
