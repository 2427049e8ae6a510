"""The scoring service: a promoted model behind HTTP."""
