#!/usr/bin/env python3
"""Makes the small models and expected tensors under tests/goldens (see the README there).

    python3 -m venv ~/goldens-venv && ~/goldens-venv/bin/pip install -r scripts/requirements-goldens.txt
    ~/goldens-venv/bin/python scripts/make_goldens.py [--only unet]
"""

import argparse
import importlib
import sys
from pathlib import Path

# group: its script under scripts/goldens; each has make(root), which writes below that folder
GROUPS = {
    "unet": "unet",
    "text_encoder": "text_encoders",
    "autoencoder": "autoencoders",
    "image_tower": "image_towers",
    "tokenizer": "tokenizers",
    "noise": "noise",
    "scheduler": "schedulers",
    "pipeline": "pipelines",
    "gradient": "gradients",  # of the networks above
    "training": "training",
    "score": "scores",
}


def main():
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=GROUPS, action="append", help="a group; may be repeated")
    parser.add_argument("--out", type=Path, default=here.parent / "tests" / "goldens")
    options = parser.parse_args()

    sys.path.insert(0, str(here))
    importlib.import_module("goldens.networks").be_repeatable()
    for group in options.only or GROUPS:
        importlib.import_module("goldens." + GROUPS[group]).make(options.out)
        print(f"{group}: done", file=sys.stderr)


if __name__ == "__main__":
    main()
