"""D-FINE as the frozen detector (Peng et al., arXiv 2410.13842): RT-DETR with boxes as refined distributions."""

from __future__ import annotations

from transformers import DFineForObjectDetection

from handos_model.network.detectors.rt_detr import RTDetr


class DFine(RTDetr):
    """Three scales, strides 8 to 32; its parts are where RT-DETR's are."""

    architecture = DFineForObjectDetection
