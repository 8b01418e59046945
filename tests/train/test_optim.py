"""Optimisers: what a step is, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from likewise.errors import OptionError
from likewise.train.optim import optimiser


def stepped(name: str, weight_decay: float, *, rate: float = 0.3) -> tuple[torch.Tensor, torch.Tensor, nn.Linear]:
    torch.manual_seed(0)
    layer = nn.Linear(6, 4)
    before = layer.weight.detach().clone(), layer.bias.detach().clone()
    (layer(torch.randn(8, 6)) * 100).square().mean().backward()
    optimiser(name, [layer], rate=rate, weight_decay=weight_decay).step()
    return before[0], before[1], layer


@pytest.mark.parametrize("weight_decay", [0.0, 0.05])
def test_a_step_of_lars_is_a_share_of_the_weights_whatever_the_gradient(weight_decay: float) -> None:
    weight, bias, layer = stepped("lars", weight_decay)
    assert layer.weight.grad is not None
    assert layer.bias.grad is not None
    direction = layer.weight.grad + weight_decay * weight
    expected = weight - 0.3 * 1e-3 * weight.norm() / direction.norm() * direction
    torch.testing.assert_close(layer.weight.detach(), expected)
    torch.testing.assert_close(layer.bias.detach(), bias - 0.3 * layer.bias.grad)  # biases take plain steps


def test_adamw_decays_matrices_and_not_biases() -> None:
    for decay in (0.0, 0.5):
        weight, bias, layer = stepped("adamw", decay, rate=1e-2)
        assert layer.weight.grad is not None
        step = 1e-2 * layer.weight.grad.sign()
        torch.testing.assert_close(layer.weight.detach(), weight * (1 - 1e-2 * decay) - step, atol=1e-5, rtol=1e-4)
        assert (layer.bias.detach() - bias).abs().max() < 1.01e-2


def test_an_optimiser_that_is_not_there_is_a_sentence() -> None:
    with pytest.raises(OptionError, match="optimiser 'sgd': it is adamw, or lars"):
        optimiser("sgd", [nn.Linear(2, 2)], rate=0.1, weight_decay=0.0)
