"""What a run of the benchmark prints, and how it is judged."""

from .checks import TOLERANCE
from .machine import DRIFT

# (group, faster, slower): (floor, aim), on two cores of a CPU
RATIOS = {
    ("ladder", "the library", "post 1, as it behaves"): (4.5, 5.5),
    ("ladder", "the library", "evaluation once an epoch"): (1.3, 1.5),
    ("evaluation", "the library", "no_grad"): (1.3, 1.5),
    ("input", "by the batch, the same pixels", "PIL, image by image"): (
        1.8,
        2.5,
    ),
    ("flowers, training", "the library", "post 2"): (1.3, 1.5),
    ("flowers, validation", "the library", "post 2"): (1.7, 2.0),
}
# (group, row): (floor, aim), of the machine's own fp32 product rate
SHARES = {
    ("ladder", "the library"): (0.75, 0.85),
    ("evaluation", "the library"): (0.85, 0.93),
}


def head(result: dict) -> str:
    """Machine, versions and rates."""
    versions = ", ".join(f"{k} {v}" for k, v in result["versions"].items())
    return (
        f"{result['device']}, {result['threads']} thread(s); {versions}\n"
        f"waiting threads (OMP_WAIT_POLICY): {result['waiting_threads']}; "
        f"data: {result['data']}\n" + rates(result["first"])
    )


def rates(found: dict[str, float]) -> str:
    """The limits of the machine, in one line."""
    return (
        f"matrix products: {found['fp32'] / 1e9:,.0f} GFLOP/s in fp32, "
        f"{found['bf16'] / 1e9:,.0f} in bf16; memory copy: "
        f"{found['copy'] / 1e9:.1f} GB/s"
    )


def equality(found: dict) -> str:
    """What was equal before anything was timed."""
    return (
        "\nequal before timed: pixels differ from PIL's by "
        f"{found['pixels_apart']} of 255; after one optimizer step the loss "
        f"by {found['loss_apart']:.0e} and the weights by "
        f"{found['weights_apart']:.0e} (allowed {TOLERANCE:.0e}); accuracy "
        f"{found['accuracy_post_1']:.3f} and {found['accuracy_library']:.3f}"
    )


def counts(found: dict[str, dict]) -> str:
    """What an epoch of each loop does, counted."""
    lines = [
        "\nin an epoch of three batches:",
        f"{'':28}{'evaluations':>12}{'images':>8}{'steps in':>10}{'waits':>7}",
        f"{'':28}{'':12}{'tested':>8}{'train mode':>11}",
    ]
    for name, row in found.items():
        lines.append(
            f"  {name:26}{row['evaluations']:12}{row['images_evaluated']:8}"
            f"{sum(row['modes']):5} of {row['steps']:<2}{row['waits']:7}"
        )
    return "\n".join(lines)


def group(result: dict, name: str) -> str:
    """One table: the rows of a group, against its first."""
    rows = [row for row in result["rows"] if row["group"] == name]
    against = {
        ratio["of"]: ratio
        for ratio in result["ratios"]
        if ratio["group"] == name and ratio["against"] == rows[0]["name"]
    }
    lines = [
        f"\n{name:40}{'images/s':>9}{'best':>8}{'  ratio':>8}"
        f"{'(lowest-highest)':>18}{'GFLOP/s':>9}{'of limit':>9}{'CPUs':>6}"
    ]
    for row in rows:
        line = f"  {row['name']:38}{row['images_per_second']:9.1f}"
        line += f"{row['best_images_per_second']:8.1f}"
        if ratio := against.get(row["name"]):
            spread = f"({ratio['lowest']:.2f}-{ratio['highest']:.2f})"
            line += f"{ratio['median']:8.2f}{spread:>18}"
        else:
            line += f"{1:8.2f}{'':18}"
        if row["flop"]:
            line += f"{row['flop_per_second'] / 1e9:9.0f}"
            line += f"{row['share_of_product_rate']:9.0%}"
        else:
            line += " " * 18
        if row["cpu_per_wall_second"] is not None:
            line += f"{row['cpu_per_wall_second']:6.2f}"
        lines.append(line + ("  contended" if row["contended"] else ""))
    return "\n".join(lines)


def steps(found: dict[str, dict]) -> str:
    """Where the time of a step goes, in milliseconds."""
    names = list(found)
    lines = [f"\n{'ms of one step':26}" + "".join(f"{n:>15}" for n in names)]
    for kind in found[names[0]]:
        times = "".join(f"{found[n][kind] * 1e3:15.1f}" for n in names)
        lines.append(f"  {kind:24}{times}")
    return "\n".join(lines)


def growth(found: dict[str, list[dict]]) -> str:
    """Seconds and peak memory of each point."""
    lines = []
    for what, points in found.items():
        lines.append(
            f"\n{what:>8}{'seconds':>10}{'MB more':>10}{'GFLOP/s':>9}"
        )
        for point in points:
            rate = point["flop"] / point["seconds"] / 1e9
            more = point["memory_bytes"] / 1e6
            lines.append(
                f"{point[what]:8g}{point['seconds']:10.3f}{more:10.0f}"
                f"{rate:9.0f}"
            )
    return "\n".join(lines)


def accuracy(found: dict) -> str:
    """How long it took to each accuracy on the val split."""
    lines = [f"\n{found['network']}, {found['epochs']} epochs:"]
    for goal, seconds in found["seconds"].items():
        reached = "never" if seconds is None else f"after {seconds:.0f} s"
        lines.append(f"  val accuracy {goal}: {reached}")
    return "\n".join(lines)


def judged(name: str, found: float, floor: float, aim: float, row: dict):
    """One goal, and whether it was reached."""
    if row["contended"]:
        reached = "contended"
    else:
        reached = "aim" if found >= aim else "yes" if found >= floor else "no"
    return {
        "name": name,
        "found": found,
        "floor": floor,
        "aim": aim,
        "reached": reached,
    }


def goals(result: dict) -> list[dict]:
    """The goals that this run can judge: those of a CPU, of what it ran."""
    if result["on"] != "cpu":
        return []
    found = []
    for ratio in result["ratios"]:
        key = ratio["group"], ratio["of"], ratio["against"]
        if key in RATIOS:
            name = f"{key[0]}: {key[1]} against {key[2]}"
            found.append(judged(name, ratio["median"], *RATIOS[key], ratio))
    for row in result["rows"]:
        key = row["group"], row["name"]
        if key in SHARES:
            name = f"{key[0]}: {key[1]}, share of the fp32 limit"
            share = row["share_of_product_rate"]
            found.append(judged(name, share, *SHARES[key], row))
    return found


def closing(result: dict) -> str:
    """Goals, what pays on this machine, and how steady it was."""
    lines = []
    if result["goals"]:
        lines.append(f"\n{'goal':62}{'found':>7}{'floor':>7}{'aim':>6}")
    for goal in result["goals"]:
        lines.append(
            f"  {goal['name']:60}{goal['found']:7.2f}{goal['floor']:7.2f}"
            f"{goal['aim']:6.2f}  {goal['reached']}"
        )
    for ratio in result["ratios"]:
        if ratio["against"] == "the library":
            pays = "pays" if ratio["lowest"] > 1 else "does not pay"
            option = ratio["of"].removeprefix("the library, ")
            work = (
                "evaluation" if ratio["group"] == "evaluation" else "training"
            )
            lines.append(
                f"on this machine {option} {pays} in {work}: "
                f"{ratio['median']:.2f} times as fast as plain fp32 "
                f"({ratio['lowest']:.2f}-{ratio['highest']:.2f})"
            )
    lines.append("the machine afterwards: " + rates(result["last"]))
    steady = "steady" if result["drift"] <= DRIFT else "NOT steady"
    lines.append(
        f"its rates moved by up to {result['drift']:.0%}: {steady} "
        f"(at most {DRIFT:.0%})"
    )
    return "\n".join(lines)
