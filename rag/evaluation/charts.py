"""Numbers to charts: static SVG without a script, whose colours and type the page around it decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape

from rag.evaluation.statistics import Bin, Estimate, RiskCoverage
from rag.text import clean

WIDTH = 380
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
Point = tuple[float, float]


def element(tag: str, *children: str, **attributes: object) -> Markup:
    """Return an SVG element, everything in it escaped; `class_` is `class`, and `_` in a name is `-`."""
    given = "".join(f' {name.rstrip("_").replace("_", "-")}="{escape(_short(value))}"' for name, value in attributes.items())
    inner = Markup("").join(escape(child if isinstance(child, Markup) else clean(child)) for child in children)
    return Markup(f"<{tag}{given}>{inner}</{tag}>")  # noqa: S704 - every part is escaped above


def _short(value: object) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else clean(str(value))


def _svg(height: float, label: str, parts: Iterable[Markup]) -> Markup:
    return element("svg", *parts, viewBox=f"0 0 {WIDTH} {height:.0f}", role="img", aria_label=label)


def _text(x: float, y: float, text: str, class_: str = "", anchor: str = "start") -> Markup:
    return element("text", text, x=x, y=y, class_=class_, text_anchor=anchor)


def _line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def _path(points: Sequence[Point], class_: str) -> Markup:
    return element("path", d="M" + " L".join(f"{x:.1f} {y:.1f}" for x, y in points), class_=class_)


def percent(value: float) -> str:
    """Return a share as people read it."""
    return f"{100 * value:.0f} %"


def track(estimate: Estimate) -> Markup:
    """Return a rate on a line from 0 to 1 with its interval."""
    parts = [_line(0, 6, 200, 6, "grid")]
    if estimate.low is not None and estimate.high is not None:
        parts.append(_line(200 * estimate.low, 6, 200 * estimate.high, 6, "interval"))
    parts.append(element("circle", cx=200 * estimate.value, cy=6, r=4.5, class_="dot a"))
    return element("svg", *parts, viewBox="-5 0 210 12", aria_hidden="true", class_="track")


def rates(rows: Mapping[str, Estimate], label: str) -> Markup:
    """Return one row a name: a rate, its interval and its number of questions."""
    left, right, step = 164.0, 303.0, 18.5
    bottom = 10 + step * len(rows)

    def x(value: float) -> float:
        return left + (right - left) * value

    parts = [_line(x(tick), 4, x(tick), bottom, "grid") for tick in TICKS]
    parts += [_text(x(tick), bottom + 14, percent(tick), "tick", "middle") for tick in (0.0, 0.5, 1.0)]
    for i, (name, estimate) in enumerate(rows.items()):
        y = 4 + step * (i + 0.5)
        title = element("title", f"{name}: {percent(estimate.value)}, n = {estimate.n}")
        row = [title, _text(0, y + 4, _fitted(name), "name"), _text(WIDTH, y + 4, str(estimate.n), "tick", "end")]
        if estimate.low is not None and estimate.high is not None:
            row.append(_line(x(estimate.low), y, x(estimate.high), y, "interval"))
        row += [
            element("circle", cx=x(estimate.value), cy=y, r=4.5, class_="dot a"),
            _text(WIDTH - 28, y + 4, percent(estimate.value), "value", "end"),
        ]
        parts.append(element("g", *row))
    return _svg(bottom + 18, label, parts)


def _fitted(name: str, longest: int = 26) -> str:
    return name if len(name) <= longest else name[: longest - 1] + "…"


class _Plot:
    """A square of shares: both axes from 0 to 1, or the lower one of named places."""

    left, right, top, bottom = 40.0, 368.0, 14.0, 166.0
    height = 202.0

    def x(self, value: float) -> float:
        return self.left + (self.right - self.left) * value

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value

    def frame(self, x_title: str, x_ticks: Mapping[float, str]) -> list[Markup]:
        parts = [_line(self.left, self.y(tick), self.right, self.y(tick), "grid") for tick in TICKS]
        parts += [_text(self.left - 7, self.y(tick) + 4, percent(tick), "tick", "end") for tick in TICKS]
        parts += [_text(self.x(at), self.bottom + 16, text, "tick", "middle") for at, text in x_ticks.items()]
        return [*parts, _text(self.x(0.5), self.height - 4, x_title, "axis", "middle")]


_SHARES = {tick: percent(tick) for tick in TICKS}


def recall_curve(series: Mapping[str, Mapping[int, Estimate]], label: str) -> Markup:
    """Return recall over k, one line a series, with its interval as a band."""
    plot = _Plot()
    ks = sorted({k for points in series.values() for k in points})
    places = {k: 0.06 + 0.88 * i / max(1, len(ks) - 1) for i, k in enumerate(ks)}
    parts = plot.frame("sentences or passages looked at (k)", {places[k]: str(k) for k in ks})
    for class_, points in zip("ab", series.values(), strict=False):
        known = [(k, e, e.low, e.high) for k, e in points.items()]
        upper = [(plot.x(places[k]), plot.y(high)) for k, _, _, high in known if high is not None]
        lower = [(plot.x(places[k]), plot.y(low)) for k, _, low, _ in known if low is not None]
        parts.append(_path([*upper, *reversed(lower)], f"band {class_}") if upper else Markup(""))
        parts.append(_path([(plot.x(places[k]), plot.y(e.value)) for k, e in points.items()], f"line {class_}"))
    for i, (class_, (name, points)) in enumerate(zip("ab", series.items(), strict=False)):
        for k, e in points.items():
            title = element("title", f"{name} recall@{k}: {percent(e.value)}")
            parts.append(element("circle", title, cx=plot.x(places[k]), cy=plot.y(e.value), r=4.5, class_=f"dot {class_}"))
            parts.append(_text(plot.x(places[k]), plot.y(e.value) + (-10, 20)[1 - i], percent(e.value), f"value {class_}", "middle"))
    return _svg(plot.height, label, parts)


def risk_coverage_curve(curves: Mapping[str, RiskCoverage], label: str) -> Markup:
    """Return the share of wrong answers over the share of questions answered, one line a signal."""
    plot = _Plot()
    parts = plot.frame("questions answered, the surest first", _SHARES)
    for class_, curve in zip("ab", curves.values(), strict=False):
        points = [(plot.x(c), plot.y(r)) for c, r in zip(curve.coverage, curve.risk, strict=True)]
        parts += [_path(points, f"line {class_}"), element("circle", cx=points[-1][0], cy=points[-1][1], r=5, class_=f"dot {class_}")]
    for curve in list(curves.values())[:1]:
        end = plot.x(curve.coverage[-1]), plot.y(curve.risk[-1])
        parts.append(element("circle", cx=end[0], cy=end[1], r=5, class_="dot now"))
        parts.append(_text(end[0], end[1] - 11, "today", "value", "middle"))
    return _svg(plot.height, label, parts)


def reliability_curve(bins: Sequence[Bin], label: str) -> Markup:
    """Return the share of right claims over their support, the size of each bin as a bar behind."""
    plot = _Plot()
    parts = plot.frame("support shown with a claim", _SHARES)
    total = sum(b.n for b in bins)
    for b in bins:
        x, y = plot.x(b.low) + 2, plot.y(b.n / total)
        parts.append(element("rect", x=x, y=y, width=plot.x(b.high) - x - 2, height=plot.bottom - y, class_="count"))
        parts.append(_text((x + plot.x(b.high) - 2) / 2, y - 4, str(b.n), "tick", "middle"))
    parts.append(_line(plot.x(0), plot.y(0), plot.x(1), plot.y(1), "ideal"))
    parts.append(_path([(plot.x(b.support), plot.y(b.right)) for b in bins], "line a"))
    for b in bins:
        title = element("title", f"{b.n} claims of mean support {b.support:.2f}: {percent(b.right)} cite the evidence")
        parts.append(element("circle", title, cx=plot.x(b.support), cy=plot.y(b.right), r=5, class_="dot a"))
    return _svg(plot.height, label, parts)


def bars(rows: Mapping[str, tuple[float, float, str]], label: str) -> Markup:
    """Return one row a name: a bar of a length, a whisker to a further one, and a text; lengths in any one unit."""
    left, right, step = 160.0, 284.0, 26.0
    longest = max((max(near, far) for near, far, _ in rows.values()), default=0.0) or 1.0
    scale = (right - left) / longest
    parts = []
    for i, (name, (near, far, text)) in enumerate(rows.items()):
        y = 4 + step * (i + 0.5)
        parts.append(_text(0, y + 4, name, "name"))
        parts.append(element("rect", x=left, y=y - 7, width=max(near * scale, 1.5), height=14.0, rx=2, class_="bar a"))
        if far > near:
            parts.append(_line(left + near * scale, y, left + far * scale, y, "whisker"))
            parts.append(_line(left + far * scale, y - 5, left + far * scale, y + 5, "whisker"))
        parts.append(_text(WIDTH, y + 4, text, "value", "end"))
    return _svg(8 + step * len(rows), label, parts)
