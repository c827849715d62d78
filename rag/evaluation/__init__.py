"""Questions to scores, intervals and a report. `python -m rag.evaluate` is the way in.

questions   a JSONL file to Questions, every line checked against the articles
run         Questions to Results, by the same `Assistant.stream` that people use
metrics     one definition a metric, its docstring the definition that the report prints
ranking     what was retrieved to recall, MRR and nDCG; the only import of ir_measures
statistics  scores to estimates with intervals, calibration, risk and coverage, McNemar's test; the only import of scipy
summary     Results to a summary, a comparison with an older run, and bars; JSON
report      all of that to one HTML file, with `charts` as inline SVG
"""
