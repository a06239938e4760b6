#!/usr/bin/env python3
"""Models that are broken in every way a file can be."""

import json
import shutil
import struct
import unittest

from case import Case


class BadModels(Case):
    def expect_model_error(self, model, says):
        self.expect_error("generate", "-m", model, "-p", "a", "-o", self.folder / "a.png", says=says)
        self.assertFalse((self.folder / "a.png").exists())

    def spoil_weights(self, change):
        model = self.model_copy()
        path = model / "vae" / "diffusion_pytorch_model.safetensors"
        path.write_bytes(change(path.read_bytes()))
        return model

    def spoil_header(self, change):
        def rewrite(raw):
            size = struct.unpack("<Q", raw[:8])[0]
            header = json.loads(raw[8 : 8 + size])
            change(header)
            text = json.dumps(header).encode()
            return struct.pack("<Q", len(text)) + text + raw[8 + size :]

        return self.spoil_weights(rewrite)

    def test_truncated(self):
        self.expect_model_error(self.spoil_weights(lambda raw: raw[:-100]), "diffusion_pytorch_model.safetensors")

    def test_header_beyond_the_file(self):
        self.expect_model_error(self.spoil_weights(lambda raw: struct.pack("<Q", 1 << 40) + raw[8:]), "header")

    def test_overlap_and_hole(self):
        def shift(header, by):
            name = sorted(n for n in header if n != "__metadata__")[3]
            begin, end = header[name]["data_offsets"]
            header[name]["data_offsets"] = [begin + by, end + by]

        for by in (-2, 2):
            with self.subTest(by=by):
                self.expect_model_error(self.spoil_header(lambda header: shift(header, by)), "vae")
                shutil.rmtree(self.folder / "model")

    def test_missing_and_unused_tensors_are_told_together(self):
        def rename(header):
            names = sorted(n for n in header if n.endswith("bias"))
            header["stranger"] = header.pop(names[0])
            header["stranger2"] = header.pop(names[1])

        self.expect_model_error(self.spoil_header(rename), ["missing", "stranger", "stranger2"])

    def test_wrong_shape(self):
        def reshape(header):
            name = next(n for n in sorted(header) if n.endswith("weight") and len(header[n]["shape"]) == 4)
            header[name]["shape"] = header[name]["shape"][::-1]

        self.expect_model_error(self.spoil_header(reshape), ["shape", "expected"])

    def test_not_a_number_is_told_and_not_painted(self):
        def poison(raw):
            size = struct.unpack("<Q", raw[:8])[0]
            return raw[: 8 + size] + b"\xff\x7f" * ((len(raw) - 8 - size) // 2)

        self.expect_model_error(self.spoil_weights(poison), ["vae", "finite"])

    def test_broken_configs(self):
        model = self.model_copy()
        for file, text, says in (
            ("unet/config.json", "{", "unet/config.json"),
            ("unet/config.json", '{"_class_name": "Nonsense"}', "unet/config.json"),
            ("vae/config.json", '{"_class_name": "AutoencoderMagic"}', "AutoencoderMagic"),
            ("model_index.json", '{"_class_name": "StableDiffusionXLPipeline"}', "StableDiffusionXLPipeline"),
            ("scheduler/scheduler_config.json", "[]", "scheduler_config.json"),
            ("edgefusion.json", '{"default_step": 3}', "default_step"),
            ("tokenizer/vocab.txt", "", "tokenizer"),
        ):
            with self.subTest(file=file):
                kept = (model / file).read_bytes()
                (model / file).write_text(text)
                self.expect_model_error(model, says)
                (model / file).unlink()
                self.expect_model_error(model, model.name) if file != "edgefusion.json" else None
                (model / file).write_bytes(kept)


if __name__ == "__main__":
    unittest.main()
