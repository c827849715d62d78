"""Training of our own parts of the bundled models: data, recipes and export. Nothing here is needed to run Footnote."""
