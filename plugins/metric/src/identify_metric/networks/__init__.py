"""The encoders and decoders of the study."""
