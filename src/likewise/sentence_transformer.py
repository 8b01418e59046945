"""sentence-transformers' names for an encoder of texts: for people and programs that speak to a `SentenceTransformer`.

The answers equal sentence-transformers' to 1e-5, in shape, type and numbers (tests/test_sentence_transformer.py).
Reading only: nothing here learns or saves; use `likewise learn` and `likewise convert` for that.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias, final

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize

from likewise.contracts import Array
from likewise.encoders.bert import Bert
from likewise.encoders.texts import TextEncoder, tokenizer_of
from likewise.errors import DataError, OptionError
from likewise.session import Progress, Session

Vectors: TypeAlias = "Float[Array, '*n d'] | Float[Tensor, '*n d'] | Sequence[Array] | Sequence[Tensor]"
_STAGE: Final = "embed"
_NO_PROMPTS: Final = {"query": "", "document": ""}  # which sentence-transformers has where a folder has none


@final
class SentenceTransformer:
    """An encoder of texts under the names of sentence-transformers.

    `prompts` are texts by name that may go before what is encoded, such as `query: `, beside those that the encoder
    brings; of these the usual one, if there is one, goes before whatever comes without a prompt. Nothing is printed:
    progress goes to `session`, whatever `show_progress_bar` says, unless that is False.
    """

    def __init__(
        self, encoder: TextEncoder, *, prompts: Mapping[str, str] | None = None, session: Session | None = None
    ) -> None:
        self.encoder = encoder
        self.prompts: Mapping[str, str] = MappingProxyType(
            {**_NO_PROMPTS, **encoder.reading.prompts, **(prompts or {})}
        )
        self.default_prompt_name = encoder.reading.prompt
        self._session = session or Session()

    # --- texts to vectors ---

    def encode(
        self,
        sentences: str | Sequence[str] | Array,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        output_value: str | None = "sentence_embedding",
        precision: str = "float32",
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        normalize_embeddings: bool = False,
        truncate_dim: int | None = None,
        pool: Any = None,
        chunk_size: int | None = None,
    ) -> Any:
        """Return a vector for one text, "d", and for several "n d": an array, one tensor, or a list of tensors.

        A vector is cut to its first `truncate_dim` numbers, then scaled to length 1 if `normalize_embeddings`. How many
        texts go together is likewise's own choice, which changes no vector: `batch_size` is only checked.

        Raises OptionError for what is not to be had here: vectors of tokens, other precisions, other devices, pools.
        """
        self._check(batch_size, output_value, precision, device, truncate_dim)
        if pool is not None or chunk_size is not None:
            raise OptionError("a pool of processes came: here one process encodes, leave out pool and chunk_size")
        before = self._prompt(prompt, prompt_name)
        texts = _listed(sentences)
        found = self._embed([before + text if isinstance(text, str) else text for text in texts], show_progress_bar)
        vectors = torch.from_numpy(np.ascontiguousarray(found[:, :truncate_dim]))
        vectors = normalize(vectors, dim=1) if normalize_embeddings else vectors
        as_array = convert_to_numpy and not convert_to_tensor
        if not as_array:
            vectors = vectors.to(self.encoder.device)
        if isinstance(sentences, str):
            return vectors[0].numpy() if as_array else vectors[0]
        if not texts:  # as sentence-transformers has it, without dims
            return np.array([]) if as_array else torch.tensor([]) if convert_to_tensor else []
        return vectors.numpy() if as_array else vectors if convert_to_tensor else list(vectors)

    def encode_query(self, sentences: str | Sequence[str] | Array, **given: Any) -> Any:
        """Encode what is asked, with the prompt `query` before it where there is one."""
        return self._encode_as(("query",), sentences, given)

    def encode_document(self, sentences: str | Sequence[str] | Array, **given: Any) -> Any:
        """Encode what is searched, with the prompt `document`, `passage` or `corpus` before it where there is one."""
        return self._encode_as(("document", "passage", "corpus"), sentences, given)

    def _encode_as(self, names: Sequence[str], sentences: Any, given: Mapping[str, Any]) -> Any:
        if given.get("prompt") is None and given.get("prompt_name") is None:
            task = next((name for name in names if name in self.prompts), None)
            return self.encode(sentences, **{**given, "prompt_name": task})
        return self.encode(sentences, **given)

    def _embed(self, texts: list[Any], shown: bool | None) -> Float[Array, "n d"]:
        def told(done: int) -> None:
            if shown is not False:
                self._session.tell(Progress(_STAGE, done, len(texts), "texts"))

        return self.encoder.embed(texts, told=told)

    def _prompt(self, prompt: str | None, name: str | None) -> str:
        name = self.default_prompt_name if name is None else name
        if prompt is not None or name is None:
            return prompt or ""
        if name not in self.prompts:
            known = ", ".join(self.prompts)
            raise OptionError(f"there is no prompt {name!r}: there are {known}; give prompts={{…}} to have others")
        return self.prompts[name]

    def _check(self, batch_size: int, output: str | None, precision: str, device: Any, dims: int | None) -> None:
        if batch_size < 1:
            raise OptionError(f"batch_size is {batch_size}: it is from 1 up")
        if output != "sentence_embedding":
            raise OptionError(
                f"output_value is {output!r}: here texts have one vector each (sentence_embedding); encoder.word and "
                "encoder.at give those of words in texts"
            )
        if precision != "float32":
            raise OptionError(f"precision is {precision!r}: vectors are float32 here; make them smaller afterwards")
        if device is not None and str(device) != self.encoder.device:
            raise OptionError(
                f"device is {device}: this encoder is on {self.encoder.device}; load it where it shall run"
            )
        if dims is not None and dims < 1:
            raise OptionError(f"truncate_dim is {dims}: it is from 1 up, or left out")

    # --- likeness ---

    @property
    def similarity_fn_name(self) -> str:
        """The name of the likeness."""
        return "cosine"

    def similarity(self, embeddings1: Vectors, embeddings2: Vectors) -> Float[Tensor, "n m"]:
        """Return the cosine of each vector of the one with each of the other; a single vector counts as one row."""
        a, b = (normalize(_tensor(one), dim=-1) for one in (embeddings1, embeddings2))
        return a.reshape(-1, a.shape[-1]) @ b.reshape(-1, b.shape[-1]).T

    def similarity_pairwise(self, embeddings1: Vectors, embeddings2: Vectors) -> Float[Tensor, "*n"]:
        """Return the cosine of each vector with the one at the same place."""
        a, b = (normalize(_tensor(one), dim=-1) for one in (embeddings1, embeddings2))
        return (a * b).sum(-1)

    # --- what it is ---

    def get_sentence_embedding_dimension(self) -> int:
        """Return the number of dimensions."""
        return self.encoder.dim

    get_embedding_dimension = get_sentence_embedding_dimension

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return torch.device(self.encoder.device)

    @property
    def max_seq_length(self) -> int:
        """How many tokens of a text are read."""
        return self.encoder.reading.tokens

    @max_seq_length.setter
    def max_seq_length(self, tokens: int) -> None:
        """Read so many tokens of a text from now on; the encoder that came stays as it was."""
        old = self.encoder
        most = old.network.config["places"] if isinstance(old.network, Bert) else None
        if tokens < 1 or (most is not None and tokens > most):
            raise OptionError(f"max_seq_length is {tokens}: it is from 1 to {most or 'what the network was made for'}")
        tokenizer = tokenizer_of(json.loads(old.tokenizer.to_str()))
        self.encoder = TextEncoder(
            old.network, tokenizer, replace(old.reading, tokens=tokens), precision=old.precision, device=old.device
        )

    def get_max_seq_length(self) -> int:
        """Return how many tokens of a text are read."""
        return self.max_seq_length


def _listed(sentences: Any) -> list[Any]:
    if isinstance(sentences, str):
        return [sentences]
    if isinstance(sentences, Mapping) or not isinstance(sentences, Iterable):
        raise DataError(f"a {type(sentences).__name__} came: give a text, or a list of texts")
    return list(sentences)


def _tensor(vectors: Vectors) -> Float[Tensor, "*n d"]:
    if isinstance(vectors, Tensor):
        return vectors.float()
    if isinstance(vectors, np.ndarray):
        return torch.from_numpy(np.asarray(vectors, np.float32))
    return torch.stack([_tensor(one) for one in vectors])
