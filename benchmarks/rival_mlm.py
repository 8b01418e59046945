"""Masked language modelling as Hugging Face's example does it: a network and a batch in, tokens a second out.

The published run_mlm.py, at what takes the time: `BertForMaskedLM`, `DataCollatorForLanguageModeling` (a share of .15),
`Trainer` with its own defaults (AdamW, clipping at 1, padding to the longest, sdpa attention), texts cut into rows of
equal length. Logits are made of every token. What is not timed: reading, cutting, the first two steps.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from typing import Any


def tokenizer_of(tokens: int) -> Any:
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = {word: n for n, word in enumerate([*special, *(f"w{n}" for n in range(tokens - len(special)))])}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="[UNK]")), pad_token="[PAD]", unk_token="[UNK]",
        cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]",
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("tokens", "dim", "depth", "heads", "length", "batch", "steps", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--precision", choices=["fp32", "bf16"], required=True)
    o = parser.parse_args()
    import numpy as np
    import torch
    from transformers import (
        BertConfig,
        BertForMaskedLM,
        DataCollatorForLanguageModeling,
        Trainer,
        TrainerCallback,
        TrainingArguments,
    )

    torch.set_num_threads(o.threads)
    rows = np.random.default_rng(0).integers(5, o.tokens, (o.batch * (o.steps + 2), o.length))
    data = [{"input_ids": row.tolist(), "attention_mask": [1] * o.length} for row in rows]
    config = BertConfig(
        vocab_size=o.tokens, hidden_size=o.dim, num_hidden_layers=o.depth, num_attention_heads=o.heads,
        intermediate_size=4 * o.dim, max_position_embeddings=o.length,
    )  # fmt: skip
    torch.manual_seed(1)
    model = BertForMaskedLM(config)
    seen: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *given: Any, **more: Any) -> None:
            seen.append(time.perf_counter())

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=o.batch, max_steps=o.steps + 2, learning_rate=1e-3, report_to=[],
            bf16=o.precision == "bf16", use_cpu=True, save_strategy="no", disable_tqdm=True, logging_strategy="no",
        )  # fmt: skip
        collator = DataCollatorForLanguageModeling(tokenizer_of(o.tokens), mlm_probability=0.15)
        trainer = Trainer(model, arguments, data_collator=collator, train_dataset=data, callbacks=[Clock()])
        done = trainer.train()
    wall = seen[-1] - seen[1]
    print(json.dumps({
        "tokens_per_second": round(o.batch * o.length * o.steps / wall), "loss": round(done.training_loss, 3),
        "parameters": sum(p.numel() for p in model.parameters()), "torch": torch.__version__,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
