"""One story as PDF, DOCX and saved web page, made when a test asks for it."""

from __future__ import annotations

import datetime
import io

TITLE = "The lamp on Skerry Point"
PARAGRAPHS = (
    "Every evening at six, Odile Brandt carried the lamp up the ninety steps of the tower, and for forty years nobody in the "
    "village could remember a night without its light. Fishermen set their clocks by it.",
    "What broke the glass?",
    "In March a storm drove a gull through the pane, and the oil ran over the floor. Odile put the fire out with her coat. "
    "She told the harbour master the next morning that the lamp would burn again by Friday.",
    "Jonas Rehn, a glazier from the mainland, brought a new pane of curved glass on the mail boat and refused to be paid.",
)


def docx(*, title: str = TITLE, paragraphs: tuple[str, ...] = PARAGRAPHS) -> bytes:
    import docx as library

    document = library.Document()
    document.core_properties.title = title
    document.core_properties.created = datetime.datetime(2024, 5, 2)
    document.add_heading(title, 0)
    for paragraph in paragraphs:
        if paragraph.endswith("?"):
            document.add_heading(paragraph, 1)
        else:
            document.add_paragraph(paragraph)
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Height of the tower", "31 metres"
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def pdf(*, paragraphs: tuple[str, ...] = PARAGRAPHS, title: str = TITLE, metadata: bool = True) -> bytes:
    from fpdf import FPDF

    document = FPDF()
    if metadata:
        document.set_title(TITLE)
    document.set_creation_date(datetime.datetime(2024, 5, 2, tzinfo=datetime.timezone.utc))
    for page in (paragraphs[:2], paragraphs[2:]):
        document.add_page()
        document.set_font("Helvetica", size=20)
        if page == paragraphs[:2]:
            document.multi_cell(0, 12, title, new_x="LMARGIN", new_y="NEXT")
        for paragraph in page:
            document.set_font("Helvetica", "B" if paragraph.endswith("?") else "", 14 if paragraph.endswith("?") else 11)
            document.multi_cell(0, 6, paragraph, new_x="LMARGIN", new_y="NEXT")
            document.ln(4)
        document.set_y(-20)
        document.cell(0, 6, str(document.page_no()) if title else "", align="C")
    return bytes(document.output())
