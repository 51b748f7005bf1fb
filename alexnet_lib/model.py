"""AlexNet and its relatives, each written out in full.

Each is two stacks of layers: `features` turns an image into a grid of
numbers, `classifier` turns that grid into one score, a logit, per class.
"""

from torch import Tensor, nn

from .init import init_2012, init_kaiming, init_paper, init_xavier
from .layers import WithinMapNorm


class AlexNet(nn.Module):
    """Convolutional `features`, flattened, then a dense `classifier`."""

    def __init__(self, features: nn.Module, classifier: nn.Module):
        super().__init__()
        self.features = features
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)  # (N, C, H, W)
        x = x.flatten(start_dim=1)  # (N, C * H * W)
        return self.classifier(x)  # (N, num_classes)


def alexnet_fashion(num_classes: int = 10) -> AlexNet:
    """AlexNet for 1 x 224 x 224 images: padding 1 leaves a 5 x 5 grid."""
    model = AlexNet(
        features=nn.Sequential(
            nn.Conv2d(1, 96, kernel_size=11, stride=4, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        ),
        classifier=nn.Sequential(
            nn.Linear(256 * 5 * 5, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        ),
    )
    init_xavier(model)
    return model


def alexnet_flowers(num_classes: int = 5) -> AlexNet:
    """AlexNet in one tower for 3 x 224 x 224 photos, without LRN."""
    model = AlexNet(
        features=nn.Sequential(
            nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        ),
        classifier=nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        ),
    )
    init_kaiming(model)
    return model


def alexnet_paper(num_classes: int = 1000) -> AlexNet:
    """AlexNet as published (Krizhevsky et al. 2012), 3 x 224 x 224 images.

    The two GPUs of the paper's figure 2 are the two groups of conv 2, 4
    and 5. Padding 2 in conv 1 gives the paper's 55 x 55 grid. PyTorch
    divides alpha by the size of the norm, the formula in section 3.3 does
    not: its 1e-4 is 5e-4 here.
    """
    model = AlexNet(
        features=nn.Sequential(
            nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),
            nn.ReLU(),
            nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        ),
        classifier=nn.Sequential(
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        ),
    )
    init_paper(model)
    return model


def alexnet_2012(num_classes: int = 1000) -> AlexNet:
    """The network of the published 2012 source, 3 x 224 x 224 images.

    Unlike the paper's: the last window of conv 1 hangs three pixels over
    the edge, the norms divide alpha by their size, conv 1 and 5 are pooled
    before their ReLU, conv 2 has a second norm, within each map.
    """
    model = AlexNet(
        features=nn.Sequential(
            nn.ZeroPad2d((0, 3, 0, 3)),
            nn.Conv2d(3, 96, kernel_size=11, stride=4),
            nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.ReLU(),
            nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2),
            nn.ReLU(),
            nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=2),
            WithinMapNorm(5, alpha=1e-3, beta=0.75, k=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(256, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.ReLU(),
        ),
        classifier=nn.Sequential(
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        ),
    )
    init_2012(model)
    return model


def alexnet_torchvision(num_classes: int = 1000) -> AlexNet:
    """torchvision's AlexNet: one tower, no LRN; loads its weights."""
    return AlexNet(
        features=nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.AdaptiveAvgPool2d(6),
        ),
        classifier=nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        ),
    )


def alexnet_narrow(num_classes: int = 5) -> AlexNet:
    """Half of the maps of `alexnet_flowers`, an eighth of its hidden units.

    For 3 x 224 x 224 photos: small enough to be sent with the library.
    """
    model = AlexNet(
        features=nn.Sequential(
            nn.Conv2d(3, 48, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(48, 128, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(128, 192, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(192, 192, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(192, 128, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        ),
        classifier=nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(128 * 6 * 6, 512),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, num_classes),
        ),
    )
    init_kaiming(model)
    return model


def alexnet_small(channels: int = 1, num_classes: int = 10) -> AlexNet:
    """A quarter of the width, for images of 96 x 96 pixels."""
    model = AlexNet(
        features=nn.Sequential(
            nn.Conv2d(channels, 24, kernel_size=11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(24, 64, kernel_size=5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
            nn.Conv2d(64, 96, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 96, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.Conv2d(96, 64, kernel_size=3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(kernel_size=3, stride=2),
        ),
        classifier=nn.Sequential(
            nn.Linear(64 * 2 * 2, 1024),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(1024, 1024),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(1024, num_classes),
        ),
    )
    init_kaiming(model)
    return model


ARCHITECTURES = {
    name: builder
    for name, builder in globals().items()
    if name.startswith("alexnet_")
}
