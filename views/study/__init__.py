"""The two pages that are texts with sliders: minibatches, and the two momenta."""
