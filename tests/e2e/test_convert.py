#!/usr/bin/env python3
"""convert: folders to bundles and back."""

import json
import struct
import unittest

from case import MODEL, SOURCE, Case, png_chunks, read_header

QUANTIZED = SOURCE / "models" / "emoji-256-int8.safetensors"


class Convert(Case):
    def latents(self, model, *arguments):
        saved = self.folder / "l.safetensors"
        self.run_program("generate", "-m", model, "-p", "a red apple", "--steps", "1", "-s", "7", *arguments,
                         "-o", self.folder / "a.png", "--save-latents", saved)
        return saved.read_bytes()

    def test_a_bundle_is_the_model_wherever_a_model_is_named(self):
        bundle, back = self.folder / "m.safetensors", self.folder / "back"
        self.run_program("convert", MODEL, "-o", bundle)
        self.assertEqual(self.latents(bundle), self.latents(MODEL))
        ids = [self.run_program("tokenize", model, "a red apple")[0] for model in (MODEL, bundle)]
        self.assertEqual(ids[0], ids[1])
        reports = []
        for model in (MODEL, bundle):
            report = json.loads(self.run_program("inspect", model, "--json")[0])
            reports.append({key: value for key, value in report.items() if key not in ("path", "model")})
        self.assertEqual(*reports)
        self.run_program("convert", bundle, "-o", back)
        for path in MODEL.rglob("*"):
            packed_weights = ".edgefusion-cache" in path.parts
            if path.is_dir() or packed_weights or path.name.startswith(("golden", "sheet")):
                continue
            if path.suffix == ".safetensors":
                self.assertEqual(read_header(back / path.relative_to(MODEL))[1], read_header(path)[1])
            else:
                self.assertEqual((back / path.relative_to(MODEL)).read_bytes(), path.read_bytes())

    def test_a_packed_bundle_paints_the_same(self):
        packed = self.folder / "p.safetensors"
        self.run_program("convert", MODEL, "-o", packed, "--pack", "scalar", "--precision", "f32")
        header, _ = read_header(packed)
        regions = [name for name in header if name.startswith("packed/")]
        self.assertGreaterEqual(len(regions), 3)
        base = 8 + struct.unpack("<Q", packed.read_bytes()[:8])[0]
        for name in regions:
            self.assertEqual((base + header[name]["data_offsets"][0]) % 64, 0)
        # Elsewhere the regions do not fit, and the program would keep its own beside the file.
        for environment in ({"EDGEFUSION_ISA": "scalar"}, {"EDGEFUSION_CACHE": "off"}):
            pictures = []
            for model in (MODEL, packed):
                self.generate("-m", model, "-s", "7", "--precision", "f32", "-o", self.folder / "a.png",
                              environment=environment)
                pictures.append(dict(png_chunks(self.folder / "a.png"))[b"IDAT"])
            self.assertEqual(*pictures)
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["a.png", "p.safetensors"])

    def test_a_quantised_bundle_stays_quantised(self):
        plain, packed, again = (self.folder / name for name in ("a.safetensors", "b.safetensors", "c.safetensors"))
        self.run_program("convert", QUANTIZED, "-o", plain)
        self.assertEqual(read_header(plain), read_header(QUANTIZED))  # the hash too
        self.run_program("convert", QUANTIZED, "-o", packed, "--pack", "scalar")
        before, (header, _) = read_header(QUANTIZED)[0], read_header(packed)
        regions = {name for name in header if name.startswith("packed/")}
        self.assertGreaterEqual(len(regions), 3)
        self.assertEqual(set(header) - regions - {"packed.align"}, set(before))
        self.assertNotEqual(header["__metadata__"], before["__metadata__"])
        whole = packed.read_bytes()
        base = 8 + struct.unpack("<Q", whole[:8])[0]
        for name in regions:
            self.assertEqual((base + header[name]["data_offsets"][0]) % 64, 0)
        # The regions are found: nothing is packed anew and kept.
        cache, pictures = self.folder / "cache", []
        for model in (packed, QUANTIZED):
            self.generate("-m", model, "-s", "7", "-o", self.folder / "a.png",
                          environment={"EDGEFUSION_ISA": "scalar", "EDGEFUSION_CACHE": cache})
            pictures.append(dict(png_chunks(self.folder / "a.png"))[b"IDAT"])
            self.assertEqual(cache.exists(), model == QUANTIZED)
        self.assertEqual(*pictures)
        self.run_program("convert", packed, "-o", again)
        self.assertEqual(again.read_bytes(), plain.read_bytes())
        packed.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))  # of a region
        self.expect_error("generate", "-m", packed, "-p", "a", "-o", self.folder / "a.png", says="hash of its contents")

    def test_a_quantised_bundle_of_another_type_keeps_its_codes_and_scales(self):
        bundle = self.folder / "a.safetensors"
        self.run_program("convert", QUANTIZED, "-o", bundle, "--type", "bf16")
        before, header = read_header(QUANTIZED)[0], read_header(bundle)[0]
        for name, value in header.items():
            if name.startswith("quantized/") or before[name].get("dtype") in ("I8", "U8"):
                self.assertEqual(value["dtype"], before[name]["dtype"])
            elif name != "__metadata__":
                self.assertEqual(value["dtype"], "BF16")
        self.generate("-m", bundle, "-o", self.folder / "a.png")
        self.expect_error("convert", MODEL, "-o", bundle, "--pack", "scalar", "--precision", "int8",
                          says=["emoji-v0", "is not quantised"])

    def test_types(self):
        bundle = self.folder / "m.safetensors"
        for kind in ("f32", "f16", "bf16"):
            self.run_program("convert", MODEL, "-o", bundle, "--type", kind)
            header, _ = read_header(bundle)
            kinds = {value["dtype"] for name, value in header.items() if name.startswith("unet/")}
            self.assertEqual(kinds, {kind.upper()})
            self.latents(bundle)

    def test_bad_conversions(self):
        out = self.folder / "m.safetensors"
        self.expect_error("convert", "/no/such", "-o", out, says="/no/such")
        self.expect_error("convert", MODEL, "-o", self.folder, says="exists")
        self.expect_error("convert", MODEL, "-o", self.folder / "x", "--pack", "scalar", says="*.safetensors")
        self.expect_error("convert", MODEL, "-o", out, "--pack", "mmx", says=["--pack", "mmx"])
        self.expect_error("convert", MODEL, "-o", "/no/such/m.safetensors", says="/no/such")
        other = MODEL / "unet" / "diffusion_pytorch_model.safetensors"
        self.expect_error("generate", "-m", other, "-p", "a", "-o", self.folder / "a.png", says="edgefusion_bundle")
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_bundle_cannot_reach_outside(self):
        text = b"{}"
        for name in ("files/../evil", "files//etc/passwd", "files/a/./b", "files/"):
            path = self.folder / "m.safetensors"
            header = {"__metadata__": {"edgefusion_bundle": "1"},
                      name: {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]}}
            raw = json.dumps(header).encode()
            path.write_bytes(struct.pack("<Q", len(raw)) + raw + text)
            self.expect_error("convert", path, "-o", self.folder / "out", says="inside of the model")
            self.assertEqual(list(self.folder.iterdir()), [path])


if __name__ == "__main__":
    unittest.main()
