"""The networks: layers, backbones, heads, stages. ``forward`` gives named tensors; decoding and losses elsewhere."""
