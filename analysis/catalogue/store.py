"""Results kept in a catalogue, so that only files that changed are analysed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import sqlalchemy as sql

from nanojunction.analysis.catalogue.database import Catalogue
from nanojunction.analysis.catalogue.entries import place
from nanojunction.analysis.catalogue.tables import kept
from nanojunction.analysis.provenance import Provenance
from nanojunction.analysis.work.kept import Kept


class CatalogueStore:
    """The results that a catalogue keeps; a `ResultStore`.

    They are looked up by the file's path and used only where the key (contents, notes, names,
    settings, version of the analysis) is that of what is read now.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    def find(self, files: Sequence[Path]) -> Mapping[str, Kept]:
        """Return what is kept of the runs in these files, by the keys of their provenance."""
        by_place = {place(file): file for file in files}
        wanted = sql.select(kept).where(kept.c.path.in_(by_place))
        with self._catalogue.reading() as connection:
            rows = connection.execute(wanted).all()
        return {
            row.key: Kept(
                by_place[row.path],
                Provenance(row.key, row.sha256, row.settings, row.version, row.analysed),
                row.results,
            )
            for row in rows
        }

    def keep(self, found: Iterable[Kept]) -> None:
        """Keep these results, and forget what older contents of their files gave.

        Results by other settings stay, those by another version of the analysis do not.
        """
        ordered = sorted(found, key=lambda one: place(one.file))
        if not ordered:
            return
        with self._catalogue.change() as connection:
            for path, of_file in groupby(ordered, key=lambda one: place(one.file)):
                new = list(of_file)
                now = new[0].provenance
                outdated = (kept.c.sha256 != now.sha256) | (kept.c.version != now.version)
                again = kept.c.key.in_([one.provenance.key for one in new])
                connection.execute(sql.delete(kept).where(kept.c.path == path, outdated | again))
                connection.execute(
                    sql.insert(kept),
                    [
                        {
                            "path": path,
                            "key": one.provenance.key,
                            "sha256": one.provenance.sha256,
                            "settings": one.provenance.settings,
                            "version": one.provenance.version,
                            "analysed": one.provenance.analysed,
                            "results": one.packed,
                        }
                        for one in new
                    ],
                )
