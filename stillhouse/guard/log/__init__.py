"""The exchange log of a gateway: what was asked and answered, kept whole, at the privacy that the operator chose."""
