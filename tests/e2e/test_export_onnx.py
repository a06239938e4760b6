#!/usr/bin/env python3
"""export-onnx: what onnxruntime makes of the files, held against the engine, PyTorch and the graph's own
reference; and what is refused.

Comparisons need numpy, onnx and onnxruntime on the path (scripts/install_onnx.sh); without them only
the refusals are tested. EDGEFUSION_ONNX_CASES: the program that writes cases of single ops.
"""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest

from case import PROGRAM, SOURCE, UNET, Case

try:
    import numpy as np
    import onnx

    import onnx_case
    from onnx_case import error_of, run_model, with_prefix
except ImportError as missing:
    if os.environ.get("EDGEFUSION_ONNX_PYTHON"):
        raise  # they were installed for this run
    onnx_case, WHY = None, str(missing)
else:
    WHY = ""

GOLDENS = SOURCE / "tests" / "goldens"
FLOATS = SOURCE / "models" / "emoji-256"
QUANTIZED = SOURCE / "models" / "emoji-256-int8.safetensors"
BOUND = 2e-4  # of a network in f32
CODED_BOUND = 0.1  # one step of 8 bits here and there, carried through a network: RMS, relative


def golden_networks():
    for kind, roles in (("unet", ["unet"]), ("text_encoder", ["text_encoder"]), ("vae", ["vae_decoder", "vae_encoder"]),
                        ("taesd", ["vae_decoder"]), ("image_tower", ["image_encoder"])):
        for folder in sorted((GOLDENS / kind).iterdir()):
            for role in roles:
                yield folder, role


class Export(Case):
    def export(self, model, *arguments, **options):
        self.exports = getattr(self, "exports", 0) + 1
        out = self.folder / f"onnx{self.exports}"
        self.run_program("export-onnx", model, "-o", out, *map(str, arguments), **options)
        return out

    def engine(self, model, role, inputs, precision="f32", taps=()):
        onnx_case.write_tensors(self.folder / "in.safetensors", inputs)
        self.run_program("exec", model, role, "--inputs", self.folder / "in.safetensors", "--outputs",
                         self.folder / "out.safetensors", "--precision", precision, *(f"--tap={tap}" for tap in taps))
        return onnx_case.read_tensors(self.folder / "out.safetensors")[0]


@unittest.skipIf(onnx_case is None, WHY)
class Networks(Export):
    def golden(self, folder, role, index):
        """Inputs and what torch made of them, or nothing."""
        tensors, _ = onnx_case.read_tensors(folder / "golden.safetensors")
        inputs = with_prefix(tensors, f"in.{index}.")
        outputs = with_prefix(tensors, f"out.{index}.")
        if role.startswith("vae_"):
            own, other = ("latent", "image") if role == "vae_decoder" else ("image", "latent")
            inputs, outputs = {k: v for k, v in inputs.items() if k == own}, {k: v for k, v in outputs.items() if k == other}
        return inputs, outputs

    @staticmethod
    def size_arguments(role, inputs):
        arguments = ["--network", role, "--batch", next(iter(inputs.values())).shape[0]]
        for name, value in inputs.items():
            if name == "input_ids":
                arguments[3:] = [value.shape[0], "--tokens", value.shape[1]]
            if name == "encoder_hidden_states":
                arguments += ["--tokens", value.shape[1]]
            if name == "timestep" and value.size > 1:
                arguments.append("--timestep-each")
            if name in ("sample", "latent", "image"):
                arguments[3] = value.shape[0]
                unit = 1 if role == "vae_encoder" else 8
                if role != "image_encoder":
                    arguments += ["--size", f"{value.shape[3] * unit}x{value.shape[2] * unit}"]
        return arguments

    @staticmethod
    def feed(role, inputs):
        names = onnx_case.NAMES.get(role, {})
        fed = {names.get(k, k): v.astype(np.int32 if k == "input_ids" else np.float32) for k, v in inputs.items()}
        if "timestep" in fed:
            fed["timestep"] = fed["timestep"].reshape(-1)
        return fed

    def test_all_networks_give_what_torch_and_the_engine_give(self):
        seen = set()
        for folder, role in golden_networks():
            for index in (0, 1):
                inputs, outputs = self.golden(folder, role, index)
                if not inputs:
                    continue
                with self.subTest(case=folder.name, role=role, index=index):
                    out = self.export(folder, *self.size_arguments(role, inputs))
                    model = out / role / "model.onnx"
                    onnx_case.check(model)
                    found = run_model(model, self.feed(role, inputs))
                    names = onnx_case.NAMES.get(role, {})
                    mine = self.engine(folder, role, {k: v for k, v in inputs.items() if k != "attention_mask"})
                    for name, value in mine.items():
                        self.assertLessEqual(error_of(found[names.get(name, name)], value), BOUND, name)
                    compared = [name for name in outputs if names.get(name, name) in found]
                    self.assertTrue(compared)
                    for name in compared:
                        self.assertLessEqual(error_of(found[names.get(name, name)], outputs[name]), BOUND, name)
                    seen.add((folder.parent.name, role))
                shutil.rmtree(out)
        self.assertEqual(len(seen), 6)

    def unet_inputs(self, model, shapes=None):
        """Noise for every input a file of the default model's U-Net has."""
        draw = np.random.default_rng(3)
        return {i.name: (draw.standard_normal([d.dim_value for d in i.type.tensor_type.shape.dim])
                         * (0.05 if i.name == "encoder_hidden_states" else 1)).astype(np.float32)
                if i.name != "timestep" else np.array([500.0], np.float32)
                for i in onnx.load(model, load_external_data=False).graph.input}

    def test_the_default_model_in_every_form(self):
        forms = {"plain": [], "external": ["--external-data"], "f16": ["--type", "f16"]}
        outs = {name: self.export(FLOATS, "--network", "unet", *more) for name, more in forms.items()}
        models = {name: out / "unet" / "model.onnx" for name, out in outs.items()}
        inputs = self.unet_inputs(models["plain"])
        expected = self.engine(FLOATS, "unet", inputs)["out_sample"]
        found = {name: run_model(model, inputs)["out_sample"] for name, model in models.items()}
        for model in models.values():
            onnx_case.check(model)
        self.assertLessEqual(error_of(found["plain"], expected), BOUND)
        self.assertTrue(np.array_equal(found["external"], found["plain"]))
        self.assertLess(models["external"].stat().st_size, 1 << 20)
        self.assertLessEqual(error_of(found["f16"], expected), 5e-3)
        weights = {i.name: i.data_type for i in onnx.load(models["f16"]).graph.initializer}
        self.assertEqual(weights["conv_in.weight"], onnx.TensorProto.FLOAT16)

    def test_names_and_bytes_of_files_are_stable(self):
        first, second = (self.export(FLOATS, "--network", "vae_decoder") for _ in range(2))
        model = first / "vae_decoder" / "model.onnx"
        self.assertEqual(model.read_bytes(), (second / "vae_decoder" / "model.onnx").read_bytes())
        graph = onnx.load(model).graph
        self.assertEqual([i.name for i in graph.input], ["latent_sample"])
        self.assertEqual([o.name for o in graph.output], ["sample"])
        self.assertIn("decoder.layers.0.weight", {i.name for i in graph.initializer})
        values = {node.output[0] for node in graph.node}
        self.assertIn("decoder.layers.0", values)

    def test_a_quantised_bundle_keeps_its_scales_and_codes(self):
        out = self.export(QUANTIZED, "--qdq")
        floats = self.export(QUANTIZED)
        for role in ("text_encoder", "unet", "vae_decoder"):
            model = out / role / "model.onnx"
            onnx_case.check(model)
            graph = onnx.load(model).graph
            kinds = {i.name: i.data_type for i in graph.initializer}
            self.assertIn(onnx.TensorProto.INT8, kinds.values())
            self.assertTrue(any(node.op_type == "QuantizeLinear" for node in graph.node))
            self.assertLess(model.stat().st_size, (floats / role / "model.onnx").stat().st_size)
        model = out / "unet" / "model.onnx"
        inputs = self.unet_inputs(model)
        exact = self.engine(QUANTIZED, "unet", inputs)["out_sample"]
        coded = self.engine(QUANTIZED, "unet", inputs, "int8")["out_sample"]
        for optimized in (True, False):
            found = run_model(model, inputs, optimized)["out_sample"]
            self.assertLess(self.rms(found, coded), CODED_BOUND)
            # Everything but what it was asked to is in floats: no worse than the engine.
            self.assertLess(self.rms(found, exact), 1.2 * self.rms(coded, exact))
            self.assertGreater(self.rms(found, exact), 1e-3)
        self.assertLessEqual(error_of(run_model(floats / "unet" / "model.onnx", inputs)["out_sample"], exact), BOUND)

    def planned(self, model, role, size):
        """A plan of the network: groups of so many nodes, which a file made of the same graph names."""
        graph = onnx.load(model).graph
        names = [value.name for value in graph.value_info] + [value.name for value in graph.output]
        groups = [{"name": f"g{i:03} {names[i]}", "nodes": names[i : i + size]} for i in range(0, len(names), size)]
        path = self.folder / f"{role}.plan.json"
        path.write_text(json.dumps({"version": 1, "networks": [{"name": role, "groups": groups}]}), "utf-8")
        return path, len(groups)

    def test_groups_of_a_plan_chained_give_the_whole_network(self):
        for arguments, bound in (([], 1e-5), (["--qdq"], 1e-5)):
            whole = self.export(QUANTIZED, "--network", "unet", "--qdq")
            plan, count = self.planned(whole / "unet" / "model.onnx", "unet", 40)
            self.assertGreater(count, 3)
            parts = self.export(QUANTIZED, "--network", "unet", "--plan", plan, *arguments)
            self.assertEqual(len(list((parts / "unet").glob("*.onnx"))), count)
            inputs = self.unet_inputs(whole / "unet" / "model.onnx")
            whole = self.export(QUANTIZED, "--network", "unet", *arguments)
            # Without onnxruntime's own fusions, which stop at the borders of models.
            expected = run_model(whole / "unet" / "model.onnx", inputs, False)["out_sample"]
            found = onnx_case.run_groups(parts / "unet", inputs, False)["out_sample"]
            self.assertLessEqual(error_of(found, expected), bound)

    def text_and_latent(self, whole):
        """Inputs of the two networks beside the U-Net, by network."""
        draw = np.random.default_rng(4)
        tokens = onnx.load(whole / "text_encoder" / "model.onnx").graph.input[0]
        ids = draw.integers(1, 1000, [d.dim_value for d in tokens.type.tensor_type.shape.dim])
        kind = onnx.helper.tensor_dtype_to_np_dtype(tokens.type.tensor_type.elem_type)
        return {"text_encoder": {"input_ids": ids.astype(kind)},
                "vae_decoder": {"latent_sample": draw.standard_normal((1, 4, 4, 4)).astype(np.float32)}}

    def test_a_plan_of_the_whole_model_is_a_chain_for_each_network(self):
        plan, size = self.folder / "plan.json", ["--size", "64x64"]
        self.run_program("plan", QUANTIZED, "--device", "micro-512k", *size, "-o", plan)
        parts = self.export(QUANTIZED, "--plan", plan, *size)
        whole = self.export(QUANTIZED, *size)
        inputs = self.text_and_latent(whole)
        inputs["unet"] = self.unet_inputs(whole / "unet" / "model.onnx")
        # The U-Net in the parts that run once a picture, once a step and for each picture of a step.
        chains = {"text_encoder": ["text_encoder"], "vae_decoder": ["vae_decoder"],
                  "unet": ["unet_once", "unet_timestep", "unet"]}
        for network, folders in chains.items():
            with self.subTest(network):
                expected = run_model(whole / network / "model.onnx", inputs[network], False)
                values = dict(inputs[network])
                for folder in folders:
                    values.update(onnx_case.run_groups(parts / folder, values, False))
                for name, value in expected.items():
                    self.assertLessEqual(error_of(values[name], value), 1e-5, name)

    def test_a_quantised_layer_is_within_one_step_of_the_engine(self):
        model = onnx.load(self.export(QUANTIZED, "--network", "vae_decoder", "--qdq") / "vae_decoder" / "model.onnx")
        layer = "decoder.layers.1"  # the first convolution with its ReLU
        model.graph.output.extend(value for value in model.graph.value_info if value.name == layer)
        onnx.save(model, self.folder / "tapped.onnx")
        latent = np.random.default_rng(5).standard_normal((1, 4, 16, 16)).astype(np.float32)
        found = run_model(self.folder / "tapped.onnx", {"latent_sample": latent}, False)[layer]
        expected = self.engine(QUANTIZED, "vae_decoder", {"latent": latent}, "int8", [layer])[layer]
        constants = {i.name: onnx.numpy_helper.to_array(i) for i in model.graph.initializer}
        quantize = next(node for node in model.graph.node if node.op_type == "QuantizeLinear")
        codes = np.abs(constants["decoder.layers.0.weight"].astype(np.float32))
        reach = codes.sum((1, 2, 3)) * constants["decoder.layers.0.weight_scale"] * constants[quantize.input[1]]
        # The engine's inputs are rounded to bf16 before they are to u8, which moves few of them.
        difference = np.abs(found - expected).max((0, 2, 3)) - np.abs(expected).max((0, 2, 3)) / 256
        self.assertTrue((difference <= reach).all(), (difference / reach).max())
        self.assertLess(self.rms(found, expected), 0.02)

    @staticmethod
    def rms(found, expected):
        return float(np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean()))


@unittest.skipIf(onnx_case is None, WHY)
@unittest.skipUnless("EDGEFUSION_ONNX_CASES" in os.environ, "EDGEFUSION_ONNX_CASES is not given")
class Ops(Case):
    def test_every_op_and_random_networks_give_what_the_reference_gives(self):
        subprocess.run([os.environ["EDGEFUSION_ONNX_CASES"], self.folder], check=True)
        cases = sorted(self.folder.iterdir())
        self.assertGreater(len(cases), 100)
        for folder in cases:
            with self.subTest(case=folder.name):
                values, metadata = onnx_case.read_tensors(folder / "values.safetensors")
                inputs, expected = with_prefix(values, "in."), with_prefix(values, "out.")
                for model in folder.glob("*.onnx"):
                    onnx_case.check(model)
                if (folder / "groups.json").exists():
                    found = onnx_case.run_groups(folder, inputs)
                else:
                    found = run_model(folder / "model.onnx", inputs, folder.name.startswith("random"))
                self.assertEqual(sorted(found), sorted(expected))
                for name, value in expected.items():
                    self.assertLessEqual(error_of(found[name], value), float(metadata["bound"]), name)


class Refusals(Export):
    def refuse(self, *arguments, says):
        before = sorted(self.folder.iterdir())
        self.expect_error("export-onnx", *arguments, "-o", self.folder / "onnx", says=says)
        self.assertEqual(before, sorted(self.folder.iterdir()))

    def plan(self, content):
        path = self.folder / "plan.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    def refuse_plan(self, content, *says):
        path = self.plan(content)
        self.refuse(UNET, "--plan", path, says=[str(path), *says])

    def test_models_and_options(self):
        self.refuse(self.folder / "nothing", says="nothing")
        self.refuse(FLOATS, "--qdq", says=["--qdq", "not quantised"])
        self.refuse(QUANTIZED, "--qdq", "--type", "f16", says=["--qdq", "f16", "expected f32"])
        self.refuse(FLOATS, "--size", "250x256", says="250x256")
        self.refuse(FLOATS, "--network", "vae", says=["vae", "vae_decoder"])
        self.refuse(UNET, "--network", "text_encoder", says="has no text_encoder")

    def test_outputs_that_cannot_be(self):
        (self.folder / "there").mkdir()
        self.expect_error("export-onnx", UNET, "-o", self.folder / "there", says=["there", "exists already"])
        self.expect_error("export-onnx", UNET, "-o", self.folder / "no" / "where", says="where")
        self.assertEqual([p.name for p in self.folder.iterdir()], ["there"])

    def test_plans(self):
        self.refuse(UNET, "--plan", self.folder / "none.json", says="none.json")
        group = {"name": "a", "nodes": ["conv_in"]}
        network = {"name": "unet", "groups": [group]}

        def plan(**changes):
            return {"version": 1, "networks": [{**network, **changes}]}

        self.refuse_plan("{", "line 1")
        self.refuse_plan([], "object")
        self.refuse_plan({"version": 2, "networks": [network]}, "version", "expected 1", "found 2")
        self.refuse_plan({"version": 1, "networks": {}}, "networks", "array")
        self.refuse_plan({"version": 1, "networks": [network, network]}, "unet", "twice")
        self.refuse_plan(plan(name="vae_decoder"), "vae_decoder", "not among those exported")
        self.refuse_plan(plan(groups=[]), "groups", "at least one")
        self.refuse_plan(plan(groups=[{**group, "name": ""}]), "groups[0]", "name")
        self.refuse_plan(plan(groups=[{**group, "nodes": ["conv_on"]}]), "conv_on", "has no node")
        self.refuse_plan(plan(groups=[group, {**group, "name": "b"}]), "conv_in", "in group a and in b")
        self.refuse_plan(plan(groups=[group, group]), "groups[1]", "name", "earlier group")
        self.refuse_plan(plan(), "is in no group")
        self.refuse_plan(plan(graph_hash="00"), "another model or size")

    def test_an_interrupt_leaves_nothing_behind(self):
        run = subprocess.Popen([PROGRAM, "export-onnx", QUANTIZED, "-o", self.folder / "onnx"], stderr=subprocess.PIPE)
        time.sleep(0.05)
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        self.assertIn(run.returncode, (0, 130, -signal.SIGINT))
        self.assertEqual([p.name for p in self.folder.iterdir()], ["onnx"] if run.returncode == 0 else [])


if __name__ == "__main__":
    unittest.main()
