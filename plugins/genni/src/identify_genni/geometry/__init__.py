"""The geometry of the class of equivalent parameters: Jacobians, null spaces, ellipsoids, walks and dimensions."""
