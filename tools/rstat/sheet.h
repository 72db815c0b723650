/* SPDX-License-Identifier: GPL-2.0 */
/* A sheet of many small pictures, side by side. */
#ifndef RSTAT_SHEET_H
#define RSTAT_SHEET_H

#include "graph.h"

/* One small picture. A cell without a track stays empty. */
struct sheet_cell {
	char label[RESCORE_NAME_LEN];	/* "" where the column says it */
	bool filled;
	struct track track;
	struct graph_summary summary;
};

struct sheet {
	const char *title;
	const char *note;	/* below the title: what was left out; or "" */
	size_t rows, columns;
	long cell_width, cell_height;	/* of the plots */
	/* Both or none: a table with names at its edges. */
	char (*row_name)[RESCORE_NAME_LEN];
	char (*column_name)[RESCORE_NAME_LEN];
	struct sheet_cell *cell;	/* [row * columns + column] */
	int64_t from, to;
};

/* 0 or a negative errno; the picture in *@ret_image. */
int sheet_draw(const struct sheet *sheet, const struct graph_look *look,
	       struct blob *ret_image);

#endif /* RSTAT_SHEET_H */
