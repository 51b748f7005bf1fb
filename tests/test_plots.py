import matplotlib
import torch

matplotlib.use("Agg")  # no window

from alexnet_lib import plots  # noqa: E402


def test_a_picture_is_named_by_its_most_probable_class():
    image = torch.zeros(3, 4, 4, dtype=torch.uint8)
    probabilities = torch.tensor([0.1, 0.7, 0.2])
    fig = plots.plot_probabilities(image, probabilities, ["a", "b", "c"])
    left, right = fig.axes
    assert left.get_title() == "b: 0.700"
    lengths = [bar.get_width() for bar in right.patches]
    assert lengths == probabilities.tolist()
    names = [label.get_text() for label in right.get_yticklabels()]
    assert names == ["a", "b", "c"]


def test_calibration_shows_each_bin_of_each_network():
    rows = [
        {"count": 4, "confidence": 0.55, "accuracy": 0.5},
        {"count": 9, "confidence": 0.95, "accuracy": 1.0},
    ]
    fig = plots.plot_calibration({"one": rows, "other": rows[1:]})
    one, other, counts, _ = fig.axes
    assert [one.get_title(), other.get_title()] == ["one", "other"]
    diagonal, points = (line.get_xydata().tolist() for line in one.lines)
    assert diagonal == [[0, 0], [1, 1]]
    assert points == [[0.55, 0.5], [0.95, 1.0]]
    assert [bar.get_height() for bar in counts.patches] == [4, 9]
    bars = [c for c in one.collections if len(c.get_segments())]
    (low, high), (end, same) = bars[0].get_segments()
    assert (high - low)[1] == 2 * 2 * 0.25  # two standard errors each way
    assert end.tolist() == same.tolist()
