"""Documents of word processors (ECMA-376, .docx), read by python-docx: paragraphs and tables in their order."""

from typing import IO

from feedback_model.errors import InputError


def docx_text(file: IO[bytes]) -> str:
    """Return the text, a line a paragraph; a table's row is a line.

    Raises:
        InputError: it cannot be read.
    """
    import docx
    from docx.table import Table

    try:
        parts = list(docx.Document(file).iter_inner_content())
        return "\n".join(_rows(part) if isinstance(part, Table) else part.text for part in parts)
    except (KeyError, ValueError, OSError, SyntaxError, AttributeError) as error:  # the last where parts are missing
        raise InputError(f"the document cannot be read ({error}); save it again as .docx, or as text") from error


def _cell(element: "object") -> str:
    return "\n".join(paragraph.text for paragraph in element.p_lst).strip()  # type: ignore[attr-defined]  # docx has no stubs


def _rows(table: "object") -> str:
    # The cells as they are written: `row.cells` repeats one as often as its file says that it is wide.
    rows = ([_cell(cell) for cell in row._tr.tc_lst] for row in table.rows)  # type: ignore[attr-defined]  # docx has no stubs
    return "\n".join("\t".join(dict.fromkeys(cells)) for cells in rows)
