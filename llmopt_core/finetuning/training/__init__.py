"""Training on this machine: the loop, LoRA and embedding models."""
