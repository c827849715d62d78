"""The chat window: an Answer to a page in the browser. Only `page` and `serve` import Gradio."""
