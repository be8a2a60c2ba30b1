"""GENNI: equivalence classes of network parameters and their geometry."""
