"""Fine-tuning jobs, whoever runs them."""
