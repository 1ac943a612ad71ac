"""What the fine-tuning page does: training sets of a project, their sources, tuned models, the 2 x 2, labelling."""
