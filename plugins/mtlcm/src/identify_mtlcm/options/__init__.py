"""The options of the plugin's components, in light modules."""
