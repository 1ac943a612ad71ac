"""The core of the LLM Optimization Playground: everything the app and `llmopt` can do, without a browser."""

import os

from llmopt_core.telemetry import silence_telemetry

# Dependencies read these switches when they are first imported, so they are set before anything else can be.
silence_telemetry()

# llama.cpp and torch share the cores. Threads that spin while they wait slow each other down fivefold.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
