"""The subspace study as plain functions: a basis, a grid on it, J at its points, and the surface J = ε."""
