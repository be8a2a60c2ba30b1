"""What is trained: the multi-task regression, the linear causal model, and what they are compared with."""
