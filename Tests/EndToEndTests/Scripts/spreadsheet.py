#!/usr/bin/env python3
"""Tables for and from LibreOffice.

usage: spreadsheet.py write TABLE.json FILE.fods   a sheet of text cells, as a person would have typed them
       spreadsheet.py read FILE.fods               the cells that LibreOffice has, as a JSON list of rows
"""
import json
import sys
import xml.etree.ElementTree as tree
from xml.sax.saxutils import escape

OFFICE = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
TABLE = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"


def spaced(line):
    """Runs of spaces are collapsed by XML's rules unless they are written as elements."""
    line = escape(line)
    return line.replace("  ", ' <text:s/>').replace("\t", "<text:tab/>")


def cell(text):
    if not text:
        return "<table:table-cell/>"
    lines = "".join(f"<text:p>{spaced(line)}</text:p>" for line in text.split("\n"))
    return f'<table:table-cell office:value-type="string">{lines}</table:table-cell>'


def write(source, path):
    with open(source, encoding="utf-8") as file:
        rows = json.load(file)
    body = "".join("<table:table-row>" + "".join(cell(text) for text in row) + "</table:table-row>" for row in rows)
    with open(path, "w", encoding="utf-8") as file:
        file.write(
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<office:document xmlns:office="{OFFICE}" xmlns:table="{TABLE}" xmlns:text="{TEXT}" office:version="1.2"'
            ' office:mimetype="application/vnd.oasis.opendocument.spreadsheet"><office:body><office:spreadsheet>'
            f'<table:table table:name="Recipients">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document>"
        )


def inline(element):
    text = element.text or ""
    for child in element:
        if child.tag == f"{{{TEXT}}}s":
            text += " " * int(child.get(f"{{{TEXT}}}c", "1"))
        elif child.tag == f"{{{TEXT}}}tab":
            text += "\t"
        elif child.tag == f"{{{TEXT}}}line-break":
            text += "\n"
        else:
            text += inline(child)
        text += child.tail or ""
    return text


def read(path):
    root = tree.parse(path).getroot()
    rows = []
    for row in root.iter(f"{{{TABLE}}}table-row"):
        cells = []
        for element in row:
            if element.tag not in (f"{{{TABLE}}}table-cell", f"{{{TABLE}}}covered-table-cell"):
                continue
            text = "\n".join(inline(line) for line in element.findall(f"{{{TEXT}}}p"))
            if element.get(f"{{{TABLE}}}formula"):
                text = "FORMULA " + element.get(f"{{{TABLE}}}formula")
            repeat = int(element.get(f"{{{TABLE}}}number-columns-repeated", "1"))
            cells += [text] * (repeat if text or repeat < 1000 else 0)
        while cells and not cells[-1]:
            cells.pop()
        count = int(row.get(f"{{{TABLE}}}number-rows-repeated", "1"))
        rows += [cells] * (count if cells or count < 1000 else 0)
    while rows and not rows[-1]:
        rows.pop()
    json.dump(rows, sys.stdout)


if sys.argv[1] == "write":
    write(sys.argv[2], sys.argv[3])
else:
    read(sys.argv[2])
