"""The landmark network: a picture of a cartoon face in, all control points out.

    128 px --unshuffle 4--> fine 32x32 ----------------------------+--> features --1x1--> K attention maps
                               `-> medium 16x16 --------+--> up ---'                          |
                                      `-> coarse 8x8 --up        point = sum(attention * place) + what is read there

Legend: B pictures, K contour points, C channels, G grid cells (32 x 32), F features read at a point.
"""

import torch
from torch import Tensor, nn

from perfkit.vocabulary import NUM_CONTOUR_POINTS

INPUT_PX = 128
GRID_PX = 32
_FINE, _MEDIUM, _COARSE = 48, 96, 128
_READ_FEATURES = 24
_MAX_OFFSET = 0.06


def _make_layer(channels: int, out_channels: int, *, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(out_channels), nn.ReLU())


class DepthwiseBlock(nn.Module):
    """x + (expand, 5x5 depthwise, project): far sight for little arithmetic."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = 2 * channels
        self.layers = nn.Sequential(
            nn.Conv2d(channels, inner, 1, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, inner, 5, padding=2, groups=inner, bias=False),
            nn.BatchNorm2d(inner),
            nn.ReLU(),
            nn.Conv2d(inner, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x_BCHW: Tensor) -> Tensor:
        return x_BCHW + self.layers(x_BCHW)


class LandmarkNetwork(nn.Module):
    """Half a million parameters, 0.2 GFLOP a picture.

    forward: (B, 3, 128, 128) RGB in [-1, 1] -> points (B, K, 2) as shares of the picture (0..1, x right, y down),
    visibility logits (B, K), and the attention's logarithm (B, K, G), row by row of the grid.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fine = nn.Sequential(nn.PixelUnshuffle(4), _make_layer(48, _FINE), _make_layer(_FINE, _FINE))
        self.medium = nn.Sequential(
            _make_layer(_FINE, _MEDIUM, stride=2), DepthwiseBlock(_MEDIUM), DepthwiseBlock(_MEDIUM)
        )
        self.coarse = nn.Sequential(
            _make_layer(_MEDIUM, _COARSE, stride=2), *(DepthwiseBlock(_COARSE) for _ in range(4))
        )
        self.medium_from_coarse = nn.Conv2d(_COARSE, _MEDIUM, 1)
        self.medium_mix = DepthwiseBlock(_MEDIUM)
        self.fine_from_medium = nn.Conv2d(_MEDIUM, _FINE, 1)
        self.fine_mix = _make_layer(_FINE, _FINE)
        self.attention = nn.Conv2d(_FINE, NUM_CONTOUR_POINTS, 1)
        self.read = nn.Conv2d(_FINE, _READ_FEATURES, 1)
        self.answer = nn.Parameter(torch.zeros(NUM_CONTOUR_POINTS, _READ_FEATURES, 3))
        cells = (torch.arange(GRID_PX) + 0.5) / GRID_PX
        places = torch.stack(torch.meshgrid(cells, cells, indexing="xy"), dim=-1).reshape(-1, 2)
        self.register_buffer("places", places, persistent=False)

    def forward(self, x_BCHW: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.find(self.see(x_BCHW))

    def see(self, x_BCHW: Tensor) -> Tensor:
        """Return features (B, C, 32, 32) of pictures."""
        fine = self.fine(x_BCHW)
        medium = self.medium(fine)
        coarse = self.medium_from_coarse(self.coarse(medium))
        medium = self.medium_mix(medium + nn.functional.interpolate(coarse, scale_factor=2.0, mode="nearest"))
        up = nn.functional.interpolate(self.fine_from_medium(medium), scale_factor=2.0, mode="nearest")
        fine_BCHW: Tensor = self.fine_mix(fine + up)
        return fine_BCHW

    def find(self, fine: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what `forward` does from the features; needs float32, for a place is a sum over a thousand cells."""
        log_attention_BKG = self.attention(fine).flatten(2).log_softmax(dim=-1)
        attention_BKG = log_attention_BKG.exp()
        read_BKF = attention_BKG @ self.read(fine).flatten(2).transpose(1, 2)
        answer_BK3 = torch.einsum("bkf,kfn->bkn", read_BKF, self.answer)
        points_BK2 = attention_BKG @ self.places + _MAX_OFFSET * torch.tanh(answer_BK3[..., :2])
        return points_BK2, answer_BK3[..., 2], log_attention_BKG
