"""The history of a product on one page, corrections, and the brakes."""
