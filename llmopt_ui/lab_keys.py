"""Keys of widgets in a lab that other pages lead to with something chosen."""

TRAINING_VERSION = "tuning_saved"
EMBEDDER_SET, EMBEDDER_BASE = "embedder_set", "embedder_base"
