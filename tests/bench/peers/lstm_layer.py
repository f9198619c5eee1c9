"""torch.nn.LSTM forward and backward on one thread: the peer of `lockstep bench lstm --requests`.

Reads one JSON object a line: hidden (also the inputs' size), batch, time, layers, seconds, and for ragged batches
lengths with packed: true (a PackedSequence) or false (padded, padding computed on). Answers each with a line: the
fastest repetition's seconds. Making the padded or packed input is not counted.
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence


def main():
    torch.set_num_threads(1)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps({"seconds": fastest(request), "torch": torch.__version__}), flush=True)


def fastest(request):
    torch.manual_seed(1)
    hidden = request["hidden"]
    layer = nn.LSTM(hidden, hidden, num_layers=request["layers"])
    inputs, leaf = make_input(request)
    once(layer, inputs, leaf)
    best, begin, repetitions = float("inf"), time.perf_counter(), 0
    while repetitions < 2 or time.perf_counter() - begin < request["seconds"]:
        best = min(best, once(layer, inputs, leaf))
        repetitions += 1
    return best


def make_input(request):
    """What the layer gets, and the tensor in it whose gradient is wanted."""
    padded = torch.randn(request["time"], request["batch"], request["hidden"])
    if not request.get("packed"):
        return padded.requires_grad_(), padded
    lengths = torch.tensor(sorted(request["lengths"], reverse=True))
    packed = pack_padded_sequence(padded, lengths)
    data = packed.data.clone().requires_grad_()
    return PackedSequence(data, packed.batch_sizes, None, None), data


def once(layer, inputs, leaf):
    gradient = torch.ones(*leaf.shape[:-1], layer.hidden_size)
    begin = time.perf_counter()
    output, _ = layer(inputs)
    (output.data if isinstance(output, PackedSequence) else output).backward(gradient)
    seconds = time.perf_counter() - begin
    leaf.grad = None
    layer.zero_grad(set_to_none=True)
    return seconds


if __name__ == "__main__":
    main()
