import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, TensorDataset
from torchvision.transforms import v2

from alexnet_lib.batches import (
    Batches,
    DeviceLoader,
    make_batches,
    preprocess,
    random_crop_flip,
)


def noise(*shape):
    torch.manual_seed(0)
    return torch.randint(0, 256, shape, dtype=torch.uint8)


@pytest.mark.parametrize("side, to", [(28, 224), (28, 96), (110, 96)])
@pytest.mark.parametrize("channels", [1, 3])
def test_resize_of_a_batch_is_pils_of_each_image(side, to, channels):
    images = noise(5, channels, side, side)
    prepare = preprocess(to, to, [0.0] * channels, [1.0] * channels)
    batch = (255 * prepare(images)).round()
    for image, resized in zip(images, batch, strict=True):
        picture = v2.functional.to_pil_image(image)
        expected = v2.functional.pil_to_tensor(
            picture.resize((to, to), Image.BILINEAR)
        )
        difference = (resized.int() - expected.int()).abs().max()
        assert difference <= (0 if to > side else 1)


def test_preprocess_scales_and_normalises():
    prepare = preprocess(96, 96, mean=[0.25], std=[0.5])
    black, white = noise(2, 1, 28, 28) * 0 + torch.tensor(
        [0, 255], dtype=torch.uint8
    ).view(2, 1, 1, 1)
    x = prepare(torch.stack([black, white]))
    assert x.shape == (2, 1, 96, 96) and x.dtype == torch.float32
    assert torch.allclose(x[0], torch.tensor(-0.5))
    assert torch.allclose(x[1], torch.tensor(1.5))


def test_preprocess_follows_the_default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        prepare = preprocess(8, 8, [0.5], [0.5])
        assert prepare(noise(1, 1, 8, 8)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


def test_the_centre_is_cut_out():
    images = noise(2, 3, 110, 110)
    x = preprocess(110, 96, [0.0] * 3, [1.0] * 3)(images)
    expected = images[:, :, 7:103, 7:103].float() / 255
    torch.testing.assert_close(x, expected)


def test_each_image_gets_its_own_crop_and_flip():
    """Every result is a window of its image, mirrored or not."""
    images = noise(1, 3, 12, 12).expand(64, -1, -1, -1)
    results = random_crop_flip(8)(images)
    assert results.shape == (64, 3, 8, 8)
    windows = {}
    for top in range(5):
        for left in range(5):
            window = images[0, :, top : top + 8, left : left + 8]
            for flip, shown in ((0, window), (1, window.flip(2))):
                key = tuple(shown.flatten().tolist())
                windows[key] = (top, left, flip)
    found = [windows[tuple(r.flatten().tolist())] for r in results]
    tops, lefts, flips = (set(column) for column in zip(*found, strict=True))
    assert tops == lefts == set(range(5)) and flips == {0, 1}


@pytest.mark.parametrize("batch_size", [1, 4, 5, 10, 20])
@pytest.mark.parametrize("shuffle", [False, True])
def test_batches_give_each_image_once(batch_size, shuffle):
    labels = torch.arange(10)
    images = labels.to(torch.uint8).view(10, 1, 1, 1)
    batches = Batches((images, labels), batch_size, shuffle)
    seen = list(batches)
    assert len(seen) == len(batches) == -(-10 // batch_size)
    for image, label in seen:
        assert torch.equal(image.flatten().long(), label)
    order = torch.cat([label for _, label in seen])
    assert torch.equal(order.sort().values, labels)
    assert shuffle or torch.equal(order, labels)


def test_a_dataloader_streams_what_batches_hold_in_memory():
    images, labels = noise(10, 3, 28, 28), torch.arange(10)
    prepare = preprocess(32, 32, [0.5] * 3, [0.5] * 3)
    held = DeviceLoader(Batches((images, labels), 4), prepare)
    streamed = DeviceLoader(
        DataLoader(TensorDataset(images, labels), batch_size=4), prepare
    )
    assert len(held) == len(streamed) == 3
    for (x, y), (u, v) in zip(held, streamed, strict=True):
        assert torch.equal(x, u) and torch.equal(y, v)
        assert x.is_contiguous(memory_format=torch.channels_last)


def test_what_is_on_the_device_is_not_copied():
    images, labels = noise(10, 3, 28, 28), torch.arange(10)
    batches = make_batches((images, labels), 4, device="cpu")
    assert isinstance(batches, Batches)
    assert batches.images.data_ptr() == images.data_ptr()


def test_files_are_streamed_for_the_device():
    """Pinned for a GPU alone, in order unless shuffled."""
    data = TensorDataset(noise(10, 3, 28, 28), torch.arange(10))
    loader = make_batches(data, 4)
    assert torch.cat([y for _, y in loader]).tolist() == list(range(10))
    assert not loader.pin_memory and loader.persistent_workers
    assert make_batches(data, 4, device="cuda").pin_memory
