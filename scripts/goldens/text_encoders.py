"""Text encoder goldens: tests/goldens/text_encoder/<case>/."""

import json

import torch
from transformers import (
    BertConfig,
    BertModel,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
)

from goldens.networks import (
    Taps,
    generator,
    randomise,
    rewrite_weights,
    save_golden,
    save_model,
    write_json,
)

BEGIN, END = 512, 513  # the last two of the small vocabulary, as in the real one
CLIP = dict(
    vocab_size=514,
    hidden_size=32,
    intermediate_size=80,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=77,
    bos_token_id=BEGIN,
    eos_token_id=END,
    pad_token_id=1,
)
# Published files carry begin 0, end 2, pad 1, which no tokenizer uses: pooling must then take the
# position of the largest id.
PUBLISHED_IDS = dict(bos_token_id=0, eos_token_id=2)

# A size is (length, tokens of each row before padding). name: (class, config, storage, sizes, padding id)
FULL, PAIR, SHORT = (77, [9]), (77, [5, 77]), (20, [20, 3])
CASES = {
    "clip_quick_gelu": (
        CLIPTextModel,
        dict(CLIP, hidden_act="quick_gelu", **PUBLISHED_IDS),
        "f16",
        [SHORT, FULL, PAIR],
        END,
    ),
    "clip_gelu": (
        CLIPTextModel,
        dict(CLIP, hidden_act="gelu", hidden_size=48, num_attention_heads=3),
        "f32",
        [PAIR, SHORT],
        END,
    ),
    "sd2": (
        CLIPTextModel,
        dict(CLIP, hidden_act="gelu", num_hidden_layers=5, projection_dim=16, **PUBLISHED_IDS),
        "bf16",
        [FULL, PAIR],
        0,
    ),
    "clip_projection": (
        CLIPTextModelWithProjection,
        dict(CLIP, hidden_act="gelu", projection_dim=24),
        "f16",
        [PAIR, SHORT],
        END,
    ),
}
UNPREFIXED_CASE = "clip_gelu"  # named as transformers 5 writes them; the others as published
BERT = dict(
    vocab_size=300,
    hidden_size=48,
    intermediate_size=96,
    num_hidden_layers=3,
    num_attention_heads=4,
    max_position_embeddings=128,
    hidden_act="gelu",
    layer_norm_eps=1e-12,
    pad_token_id=0,
)
BERT_BEGIN, BERT_END = 101, 102
GAINS = {"token_embedding": 1.0, "position_embedding": 0.5, "q_proj": 1.5, "query": 1.5}


def token_rows(name, index, size, ends, vocabulary):
    """Rows begin, words, end, padding. ends = (begin, end, padding); size = (length, counts)."""
    length, counts = size
    begin, end, padding = ends
    rows = torch.full((len(counts), length), padding, dtype=torch.int64)
    draw = generator(f"{name}/{index}")
    for row, count in zip(rows, counts):
        row[:count] = torch.randint(3, min(ends[:2]), (count,), generator=draw)
        row[0], row[count - 1] = begin, end
    assert rows.max() < vocabulary
    return rows


def published_names(tensors):
    """The names that published files use, with the buffer that old ones carry."""
    named = {k if k.startswith("text_") else "text_model." + k: v for k, v in tensors.items()}
    named["text_model.embeddings.position_ids"] = torch.arange(77).unsqueeze(0)
    return named


def wanted_clip_tap(name, module):
    kinds = ("CLIPTextEmbeddings", "CLIPAttention", "CLIPMLP", "CLIPEncoderLayer")
    return type(module).__name__ in kinds or name.endswith("final_layer_norm")


def wanted_bert_tap(name, module):
    kinds = ("BertEmbeddings", "BertAttention", "BertLayer")
    return type(module).__name__ in kinds


def clip_outputs(model, input_ids):
    out = model(input_ids=input_ids, output_hidden_states=True)
    body = getattr(model, "text_model", model)
    # Pipelines norm the state that they take from an inner layer with the final norm.
    values = {
        "last_hidden_state": out.last_hidden_state,
        "clip_skip_1": body.final_layer_norm(out.hidden_states[-2]),
    }
    if hasattr(out, "text_embeds"):
        return {**values, "text_embeds": out.text_embeds}
    return {**values, "pooler_output": out.pooler_output}


@torch.no_grad()
def make_clip_case(folder, name):
    kind, config, storage, sizes, padding = CASES[name]
    model = randomise(kind(CLIPTextConfig(**config)), "text_encoder/" + name, storage, GAINS)
    tensors = {}
    for index, size in enumerate(sizes):
        tapped = name == "clip_quick_gelu" and index == 0
        taps = Taps(model, wanted_clip_tap, "text_model.") if tapped else None
        ids = token_rows(name, index, size, (BEGIN, END, padding), config["vocab_size"])
        outputs = clip_outputs(model, ids)
        if taps:
            tensors.update(taps.take())
            # The norm ran a second time, for clip_skip_1.
            tensors["tap.text_model.final_layer_norm"] = outputs["last_hidden_state"].clone()
        tensors[f"in.{index}.input_ids"] = ids
        tensors.update({f"out.{index}.{k}": v for k, v in outputs.items()})
    save_model(folder, model, storage)
    if name != UNPREFIXED_CASE:
        rewrite_weights(folder / "model.safetensors", published_names, storage)
    save_golden(folder / "golden.safetensors", tensors)


@torch.no_grad()
def make_bert_case(folder):
    model = randomise(
        BertModel(BertConfig(**BERT), add_pooling_layer=False), "text_encoder/bert", "f16", GAINS
    )
    tensors = {}
    for index, size in enumerate([(24, [6, 24]), (77, [12]), (5, [2, 5])]):
        taps = Taps(model, wanted_bert_tap) if index == 0 else None
        ids = token_rows("bert", index, size, (BERT_BEGIN, BERT_END, 0), BERT["vocab_size"])
        mask = (ids != 0).to(torch.int64)
        out = model(input_ids=ids, attention_mask=mask).last_hidden_state
        if taps:
            tensors.update(taps.take())
        tensors[f"in.{index}.input_ids"] = ids
        tensors[f"in.{index}.attention_mask"] = mask
        tensors[f"out.{index}.last_hidden_state"] = out
    save_model(folder, model, "f16")
    config = json.loads((folder / "config.json").read_text())
    config.setdefault("position_embedding_type", "absolute")  # published files have it
    write_json(folder / "config.json", config)
    save_golden(folder / "golden.safetensors", tensors)


def make(root):
    for name in CASES:
        make_clip_case(root / "text_encoder" / name, name)
    make_bert_case(root / "text_encoder" / "bert")
