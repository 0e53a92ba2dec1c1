"""
Files of every kind that is ingested, made here byte by byte, good ones and bad.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject


_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_P = "http://schemas.openxmlformats.org/package/2006/relationships"


def pdf(
    lines: list[str], password: str = "", large: tuple[str, ...] = (), title: str = ""
) -> bytes:
    """A PDF of one page, some lines set large; with a password it is encrypted."""
    writer = PdfWriter()
    page = writer.add_blank_page(400, 400)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    content = DecodedStreamObject()
    shown = " ".join(
        f"BT /F1 {18 if line in large else 12} Tf 20 {380 - 20 * n} Td ({line}) Tj ET"
        for n, line in enumerate(lines)
    )
    content.set_data(shown.encode())
    if title:
        writer.add_metadata({"/Title": title})
    page[NameObject("/Contents")] = content
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def docx(*parts: str, styles: str = "") -> bytes:
    """A Word document of the given body parts."""
    body = f"<w:document {_W}><w:body>{''.join(parts)}</w:body></w:document>"
    return _zip({"word/document.xml": body, "word/styles.xml": styles or _styles()})


def _styles() -> str:
    names = ((1, "heading 1"), (2, "标题 2"))
    found = "".join(
        f'<w:style w:styleId="H{n}"><w:name w:val="{name}"/></w:style>'
        for n, name in names
    )
    return f"<w:styles {_W}>{found}</w:styles>"


def para(text: str, style: str = "") -> str:
    """A paragraph of a Word document."""
    look = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{look}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def table(*rows: tuple[str, ...]) -> str:
    """A table of a Word document."""
    found = "".join(
        "<w:tr>" + "".join(f"<w:tc>{para(cell)}</w:tc>" for cell in row) + "</w:tr>"
        for row in rows
    )
    return f"<w:tbl>{found}</w:tbl>"


def xlsx(*rows: tuple[str | int, ...], sheet: str = "Prices") -> bytes:
    """A workbook of one sheet."""
    cells = "".join(
        "<row>" + "".join(_cell(value) for value in row) + "</row>" for row in rows
    )
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package'
        '.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        "</Types>"
    )
    book = (
        f'<workbook {_S} xmlns:r="{_R}"><sheets><sheet name="{sheet}" sheetId="1"'
        ' r:id="rId1"/></sheets></workbook>'
    )
    return _zip(
        {
            "[Content_Types].xml": types,
            "_rels/.rels": _rels("officeDocument", "xl/workbook.xml"),
            "xl/workbook.xml": book,
            "xl/_rels/workbook.xml.rels": _rels("worksheet", "worksheets/sheet1.xml"),
            "xl/worksheets/sheet1.xml": (
                f"<worksheet {_S}><sheetData>{cells}</sheetData></worksheet>"
            ),
        }
    )


def _cell(value: str | int) -> str:
    if isinstance(value, int):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def _rels(kind: str, target: str) -> str:
    one = f'<Relationship Id="rId1" Type="{_R}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_P}">{one}</Relationships>'


def _zip(parts: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return out.getvalue()


def bomb(path: Path) -> None:
    """A Word document that unpacks to 300 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        head = f"<w:document {_W}><w:body>"
        with archive.open("word/document.xml", "w") as part:
            part.write(head.encode())
            for _ in range(300):
                part.write(b" " * (1 << 20))
