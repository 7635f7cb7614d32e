"""Train and measure the nano base.

`python -m perfkit.training.nano autoencoder|latents|flow|decoder|publish|restore|evaluate`
"""

import argparse
from pathlib import Path

RUN_FOLDER = Path("runs/nano")


def main() -> None:
    """Parse the command line and call the one function that it names."""
    parser = argparse.ArgumentParser(prog="python -m perfkit.training.nano", description=__doc__)
    parser.add_argument("--run", type=Path, default=RUN_FOLDER, help="folder of checkpoints and latents")
    commands = parser.add_subparsers(dest="command", required=True)
    autoencoder = commands.add_parser("autoencoder", help="train the autoencoder; resumes where it stopped")
    autoencoder.add_argument("--steps", type=int, default=20_000, help="length of the schedule, 16 crops a step")
    restore = commands.add_parser("restore", help="make a run folder from a base folder, to go on with its training")
    flow = commands.add_parser("flow", help="train UNet, ControlNet and text encoder; resumes where it stopped")
    flow.add_argument("--images", type=int, default=300_000, help="length of the schedule")
    flow.add_argument("--cooldown", type=float, default=0.3, help="part of the schedule in which the rates fall")
    decoder = commands.add_parser("decoder", help="train the decoder on the flow's answers; resumes where it stopped")
    decoder.add_argument("--images", type=int, default=40_000, help="length of the schedule, 8 drawings a step")
    for command in (flow, restore):
        command.add_argument("--batch", type=int, default=64, help="drawings a step; 1024 suits a large GPU")
    for command in (autoencoder, flow, decoder):
        command.add_argument("--minutes", type=float, default=float("inf"), help="stop after this time")
        command.add_argument(
            "--workers", type=int, default=2, help="processes of one thread each, which share the batch"
        )
    latents = commands.add_parser("latents", help="draw and encode shards of drawings ahead of the flow training")
    latents.add_argument("--shards", type=int, nargs=2, required=True, metavar=("FIRST", "LAST"))
    publish = commands.add_parser("publish", help="write the averaged weights to a base folder")
    evaluate = commands.add_parser("evaluate", help="print the figures of a base folder and draw its sheet")
    for command in (publish, evaluate, restore):
        command.add_argument("--base", type=Path, default=None, help="base folder; the packaged one by default")
    evaluate.add_argument("--count", type=int, default=128, help="held-out drawings")
    evaluate.add_argument("--art", type=Path, nargs="*", default=[], help="folders of other people's PNG drawings")
    evaluate.add_argument("--card", action="store_true", help="write the figures into the base's model card")
    evaluate.add_argument("--sheet", type=Path, default=Path("out/nano.png"))
    options = parser.parse_args()
    from perfkit.training.nano import runs

    getattr(runs, f"run_{options.command}")(options)


if __name__ == "__main__":
    main()
