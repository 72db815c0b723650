/* SPDX-License-Identifier: GPL-2.0 */
/* rstat top: the table, live, on a terminal. */
#ifndef RSTAT_TOP_H
#define RSTAT_TOP_H

#include "rank.h"
#include "verb.h"

enum top_mode { TOP_LIST, TOP_DETAIL, TOP_HELP, TOP_FILTER };

struct top {
	struct live_source *source;	/* NULL: not loaded */
	char why[256];			/* it is not */
	struct live live;
	struct trend trend;
	struct rank *rank;
	size_t nr;

	enum top_mode mode;
	enum rank_order order;
	int resource;			/* the chosen one; -1: the worst */
	char filter[RESCORE_NAME_LEN];
	bool paused;
	long delay;			/* seconds */

	/* The selected container; it keeps the bar when the order changes. */
	unsigned int slot;
	uint64_t serial;
	size_t selected;		/* its place in rank[] */
	size_t first;			/* the uppermost row that is shown */
};

/* --- top.c: where the words go ----------------------------------------- */

enum ink {
	INK_PLAIN,
	INK_SOFT,
	INK_TITLE,
	INK_NEAR,
	INK_FULL,
	INK_BAR,
	INK_SELECTED,	/* may be added to any other */
	INKS
};

/* A screen or a stream; what does not fit on the line is cut off. */
struct paper {
	bool screen;
	bool utf8;
	int width, height;
	int x, y;
	bool selected;		/* this line */
};

void paper_line(struct paper *paper, int y, bool selected);
/* @width 0: as long as it is; < 0: to the right. Printable ASCII or ours. */
void paper_put(struct paper *paper, enum ink ink, int width, const char *text);
void paper_end(struct paper *paper);

/* --- top_cell.c: parts of a row ------------------------------------------------- */

#define TOP_CELL	7	/* columns of an amount */

/* At most TOP_CELL columns: "65536", "1.2M", "-" for unlimited. */
const char *top_amount(int64_t amount, unsigned int unit, char *buf,
		       size_t size);
/* held; or what of it is bounded, where that is a percentage of the time. */
const char *top_usage(const struct live_row *row,
		      const struct live_resource *resource, char *buf,
		      size_t size);
const char *top_count(uint64_t count, char *buf, size_t size);
const char *top_rate(double rate, char *buf, size_t size);
enum ink top_ink(const struct live_row *row);
void top_bar(struct paper *paper, const struct live_row *row, int width);
/* The last values, the newest at the right; the highest is full. */
void top_history(struct paper *paper, const struct top *top,
		 const struct live_container *c, unsigned int resource,
		 int width);

/* --- top_draw.c: the whole ------------------------------------------------------- */

void top_draw(const struct top *top, struct paper *paper);
/* Rows of the list that fit. */
size_t top_rows(const struct paper *paper);

/* The verb. */
int top_run(const struct args *args);

#endif /* RSTAT_TOP_H */
