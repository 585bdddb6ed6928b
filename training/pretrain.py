"""Pretrain a backbone on pictures without labels: photographs in folders, rendered walks, or both.

    python -m training.pretrain --method mae --images datasets/coco_cc/images --scenes corridor street --frames 2000
        --grid pyramid --out runs/backbone.safetensors
    python -m training.train --config training/configs/t0_pyramid.yaml --out runs/t0
        init_backbone=runs/backbone.safetensors

``mae`` hides patches and has them painted; ``simclr`` tells two views of a picture from all others, and wants batches
of 256 and more. ``--part vit`` is for the transformer of Stage B (T2 and up). ``Ctrl-C`` or SIGTERM ends the run after
the batch in work; ``--resume`` goes on from there, on a CPU bit for bit.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from pydantic import ValidationError

from training.data.sample import SampleError
from training.loop.nan_guard import NonFiniteLossError
from training.loop.state import StateError
from training.loop.trainer import StoppedError, WorkerLostError
from training.ssl.config import PretrainConfig
from training.ssl.loop import Pretrainer
from training.ssl.pictures import PictureFeed, pictures_of

STOPPED_CODE = 130
"""Exit code of a run that was told to stop, as shells give it for Ctrl-C."""
MOST_WORKERS = 8


def main(argv: Sequence[str] | None = None) -> int:
    """Exit code 0; 1 when the run failed; 2 when it could not begin; 130 when it was told to stop and can go on."""
    options = _parser().parse_args(argv)
    try:
        figures = run(_config(options), options.out, resume=options.resume, device=options.device,
                      workers=options.workers)
    except StoppedError as stopped:
        print(stopped, file=sys.stderr)
        return STOPPED_CODE
    except (NonFiniteLossError, WorkerLostError) as error:
        print(f"pretraining stopped: {error}", file=sys.stderr)
        return 1
    except (SampleError, StateError, ValueError, OSError) as error:
        print(f"pretraining cannot begin: {_words(error)}", file=sys.stderr)
        return 2
    print(json.dumps(figures))
    return 0


def run(config: PretrainConfig, out: Path, *, resume: bool = False, device: str | None = None,
        workers: int | None = None) -> dict[str, float]:
    """Pretrain to the end; the last epoch's figures.

    Args:
        out: ``.safetensors`` file. device: ``cpu``, ``cuda``; None: the best there is. workers: processes that load;
            None: one per core less one.

    Raises:
        StateError: ``out`` is there already, or belongs to another run. SampleError: of the pictures.
    """
    if out.suffix != ".safetensors":
        raise ValueError(f"--out {out}: expected a name that ends in .safetensors")
    if workers is None:
        workers = max(1, min(MOST_WORKERS, (os.cpu_count() or 1) - 1))
    where = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    if where.type == "cuda" and not torch.cuda.is_available():
        raise ValueError("--device cuda: this machine has no CUDA device that torch can use; leave the option out")
    trainer = Pretrainer(config, PictureFeed(pictures_of(config), config, workers), out, where)
    if resume:
        trainer.resume()
    elif trainer.state_file.exists() or out.exists():
        raise StateError(f"{out} already holds a run. Go on with --resume, or name another --out")
    return trainer.fit()


def _config(options: argparse.Namespace) -> PretrainConfig:
    given = {name: getattr(options, name) for name in PretrainConfig.model_fields if getattr(options, name, None)
             is not None}
    return PretrainConfig(**given)


def _words(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return str(error)
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg'].removeprefix('Value error, ')}"
                     for one in error.errors())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.pretrain", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", required=True, choices=("mae", "simclr"))
    parser.add_argument("--part", choices=("backbone", "vit"), help="default: backbone")
    parser.add_argument("--grid", help="pyramid (default) or fused: the grid that will be trained")
    parser.add_argument("--images", type=Path, nargs="+", help="folders, with all that lies under them")
    parser.add_argument("--scenes", nargs="+", help="rendered scenes to learn from too")
    parser.add_argument("--frames", type=int, help="how many frames of them")
    parser.add_argument("--input-px", type=int, dest="input_size_px", help="side of the square pictures; default 224")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--learning-rate", type=float, help="peak; the schedule is a cosine")
    parser.add_argument("--weight-decay", type=float)
    parser.add_argument("--warmup-epochs", type=float)
    parser.add_argument("--temperature", type=float, help="of SimCLR")
    parser.add_argument("--hidden-share", type=float, help="of a picture, for mae")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--precision", choices=("auto", "f32", "bf16", "f16"))
    parser.add_argument("--workers", type=int, help="processes that load pictures")
    parser.add_argument("--device", help="cpu, cuda; default: the best there is")
    parser.add_argument("--resume", action="store_true", help="go on from the state beside --out")
    parser.add_argument("--out", type=Path, required=True, help="F.safetensors, which init_backbone of train loads")
    return parser


if __name__ == "__main__":
    sys.exit(main())
