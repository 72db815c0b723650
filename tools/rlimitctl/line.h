/* SPDX-License-Identifier: GPL-2.0 */
/* What a line of the table says to people: how full, how bad, how written. */
#ifndef RLIMITCTL_LINE_H
#define RLIMITCTL_LINE_H

#include "librescore.h"
#include "table.h"

#define CELL_LEN 24	/* any cell, with its NUL */

/*
 * The bound that use is compared with: the barrier, or the limit where the
 * barrier is 0 (as for physpages 0:256M); RESCORE_UNLIMITED = none.
 */
int64_t line_bound(const struct rescore_line *line);

/*
 * The same where there is something to use up; RESCORE_UNLIMITED for guarantees,
 * and where held is in another unit.
 */
int64_t line_ceiling(const struct rescore_resource *resource,
		     const struct rescore_line *line);

/*
 * held in percent of line_bound(), rounded down; -1 = no bound, or none that held
 * can be compared with.
 */
int64_t line_percent(const struct rescore_resource *resource,
		     const struct rescore_line *line);

enum line_level {
	LINE_FINE,
	LINE_NEAR,	/* 80 % and more */
	LINE_OVER,	/* above the bound */
};
enum line_level line_level(const struct rescore_resource *resource,
			   const struct rescore_line *line);

/* Are its bounds as they were at first? */
bool line_is_unbounded(const struct rescore_resource *resource,
		       const struct rescore_line *line);
/* Never limited and never used: nothing to see. */
bool line_is_idle(const struct rescore_resource *resource,
		  const struct rescore_line *line);
/* What `show -q` shows: refusals, or more than half of the bound in use. */
bool line_is_notable(const struct rescore_resource *resource,
		     const struct rescore_line *line);

/*
 * At most 7 columns, so that a table fits into 80: "65536", "1.2M", "-" for
 * unlimited. @raw: all digits, however many.
 */
const char *amount_cell(int64_t amount, unsigned int unit, bool raw,
			char buf[CELL_LEN]);
const char *count_cell(uint64_t count, bool raw, char buf[CELL_LEN]);
/* At most 5 columns: "99%", ">999%", "-". */
const char *percent_cell(int64_t percent, char buf[CELL_LEN]);

/* Lines of one container, as `rlimitctl show` has them. */
struct table *show_table_new(bool with_mode);
void show_table_add(struct table *table,
		    const struct rescore_resource *resource,
		    const struct rescore_line *line, bool raw);

#endif /* RLIMITCTL_LINE_H */
