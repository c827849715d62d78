"""Training of an adapter for the bundled reader: data, recipe and export. Nothing here is needed to run Footnote."""
