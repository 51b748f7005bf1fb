"""The numbers that a network starts from."""

from torch import nn


def init_xavier(model: nn.Module) -> None:
    """Weights uniform, scaled by fan-in and fan-out (Glorot 2010)."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def init_kaiming(model: nn.Module) -> None:
    """Weights normal, scaled to keep ReLU's signal (arXiv 1502.01852)."""
    for layer in model.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)


def init_paper(model: nn.Module) -> None:
    """Weights N(0, 0.01^2), some biases 1 (the paper's section 5)."""
    kinds = nn.Conv2d | nn.Linear
    layers = [m for m in model.modules() if isinstance(m, kinds)]
    for number, layer in enumerate(layers, start=1):
        nn.init.normal_(layer.weight, std=0.01)
        # Conv 2, 4, 5 and the hidden dense layers start on ReLU's slope
        nn.init.constant_(layer.bias, float(number in (2, 4, 5, 6, 7)))


def init_2012(model: nn.Module) -> None:
    """As the paper, but N(0, 0.03^2) in conv 3, 4 and 5."""
    init_paper(model)
    convolutions = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    for layer in convolutions[2:]:
        nn.init.normal_(layer.weight, std=0.03)
