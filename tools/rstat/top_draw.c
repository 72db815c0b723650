// SPDX-License-Identifier: GPL-2.0
/* What rstat top shows, on a screen or, in batch mode, as lines. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <librescore.h>

#include "escape.h"
#include "show.h"
#include "top.h"

#define HEAD_LINES	3
#define FOOT_LINES	1

size_t top_rows(const struct paper *paper)
{
	int rows = paper->height - HEAD_LINES - FOOT_LINES;

	return rows > 0 ? (size_t)rows : 0;
}

/* --- the list ------------------------------------------------------------------ */

/* Widths of the columns; what there is room for beyond 80 goes to name, bar and
 * history, what there is not is taken from history, bar and resource.
 */
struct widths {
	int name, resource, bar, history;
};

static struct widths list_widths(const struct paper *paper)
{
	/* percent, held, bound, fail/s, failcnt, and a blank before each */
	int left = paper->width - (5 + TOP_CELL + TOP_CELL + 7 + TOP_CELL) - 8;
	struct widths w = { .name = 12, .resource = 12, .bar = 8 };

	left -= w.name + w.resource + w.bar;
	if (left < 0)
		w.bar = w.resource = 0;
	w.history = left >= 6 ? (left < 8 ? left : 8) : 0;
	left -= w.history;
	for (; left > 0; left--) {
		if (w.name < 20)
			w.name++; /* NOLINT(bugprone-branch-clone): twice */
		else if (w.history < TREND_LEN && left % 3)
			w.history++;
		else if (w.bar < 24)
			w.bar++;
		else if (w.name < RESCORE_NAME_LEN)
			w.name++;
	}

	return w;
}

static void blank(struct paper *paper)
{
	paper_put(paper, INK_PLAIN, 1, "");
}

static void list_titles(const struct top *top, struct paper *paper)
{
	struct widths w = list_widths(paper);
	const struct {
		int width;
		const char *text;
	} titles[] = {
		{ w.name, "CONTAINER" }, { w.resource, "RESOURCE" },
		{ w.bar, "USED" },	 { -5, "" },
		{ w.history, "HISTORY" }, { -TOP_CELL, "HELD" },
		{ -TOP_CELL, "BOUND" },	 { -7, "FAIL/S" },
		{ -TOP_CELL, "FAILCNT" },
	};

	paper_line(paper, HEAD_LINES - 1, false);
	for (size_t i = 0; i < sizeof(titles) / sizeof(titles[0]); i++) {
		if (!titles[i].width)
			continue;
		if (i)
			paper_put(paper, INK_TITLE, 1, "");
		paper_put(paper, INK_TITLE, titles[i].width, titles[i].text);
	}
	paper_put(paper, INK_TITLE, paper->width, "");
	paper_end(paper);
	(void)top;
}

static void list_row(const struct top *top, struct paper *paper,
		     const struct rank *rank)
{
	static const struct live_row nothing;
	const struct live_container *c = rank->container;
	unsigned int r = rank->resource < 0 ? 0 : (unsigned int)rank->resource;
	const struct live_row *row = rank->resource < 0 ? &nothing : &c->row[r];
	const struct live_resource *resource = &top->live.resource[r];
	struct widths w = list_widths(paper);
	char buf[64 * 2];

	paper_put(paper, INK_PLAIN, w.name,
		  escape_terminal(c->id.name, buf, sizeof(buf)));
	if (rank->resource < 0)
		return;
	if (w.resource) {
		blank(paper);
		paper_put(paper, top_ink(row), w.resource,
			  escape_terminal(resource->name, buf, sizeof(buf)));
		blank(paper);
		top_bar(paper, row, w.bar);
	}
	blank(paper);
	paper_put(paper, top_ink(row), -5,
		  show_percent(rank->used, buf, sizeof(buf)));
	if (w.history) {
		blank(paper);
		top_history(paper, top, c, r, w.history);
	}
	blank(paper);
	paper_put(paper, INK_PLAIN, -TOP_CELL,
		  top_usage(row, resource, buf, sizeof(buf)));
	blank(paper);
	paper_put(paper, INK_PLAIN, -TOP_CELL,
		  top_amount(live_bound(row), resource->unit, buf,
			     sizeof(buf)));
	blank(paper);
	paper_put(paper, rank->rate > 0 ? INK_FULL : INK_PLAIN, -7,
		  top_rate(rank->rate, buf, sizeof(buf)));
	blank(paper);
	paper_put(paper, INK_PLAIN, -TOP_CELL,
		  top_count(rank->failcnt, buf, sizeof(buf)));
}

static void draw_list(const struct top *top, struct paper *paper)
{
	size_t rows = paper->screen ? top_rows(paper) : top->nr;

	list_titles(top, paper);
	for (size_t i = 0; i < rows; i++) {
		size_t n = top->first + i;

		if (n >= top->nr && !paper->screen)
			break;
		paper_line(paper, HEAD_LINES + (int)i,
			   paper->screen && n == top->selected && n < top->nr);
		if (n < top->nr)
			list_row(top, paper, &top->rank[n]);
		else if (!i)
			paper_put(paper, INK_SOFT, 0,
				  *top->filter ? "no name has this" :
						 "there are no containers");
		paper_end(paper);
	}
}

/* --- one container ----------------------------------------------------------------- */

static void detail_row(const struct top *top, struct paper *paper,
		       const struct live_container *c, unsigned int r)
{
	const struct live_resource *resource = &top->live.resource[r];
	const struct live_row *row = &c->row[r];
	const struct {
		int64_t amount;
		unsigned int unit;
	} cells[] = {
		{ row->held, resource->held_unit },
		{ row->maxheld, resource->peak_unit },
		{ row->bounds.barrier, resource->unit },
		{ row->bounds.limit, resource->unit },
	};
	int history = paper->width -
		      (14 + 4 * (TOP_CELL + 1) + 6 + 8 + TOP_CELL + 2);
	char buf[64];

	paper_put(paper, top_ink(row), 14,
		  escape_terminal(resource->name, buf, sizeof(buf)));
	for (int i = 0; i < 4; i++) {
		blank(paper);
		paper_put(paper, INK_PLAIN, -TOP_CELL,
			  top_amount(cells[i].amount, cells[i].unit, buf,
				     sizeof(buf)));
	}
	paper_put(paper, top_ink(row), -6,
		  show_percent(live_used(row), buf, sizeof(buf)));
	paper_put(paper,
		  trend_rate(&top->trend, c, r) > 0 ? INK_FULL : INK_PLAIN, -8,
		  top_rate(trend_rate(&top->trend, c, r), buf, sizeof(buf)));
	blank(paper);
	paper_put(paper, INK_PLAIN, -TOP_CELL,
		  top_count(row->failcnt, buf, sizeof(buf)));
	blank(paper);
	if (history > 0)
		top_history(paper, top, c, r, history);
	if (row->observe)
		paper_put(paper, INK_SOFT, 0, " observed");
}

static void draw_detail(const struct top *top, struct paper *paper)
{
	const struct live_container *c = NULL;
	size_t rows = top_rows(paper), shown = 0;

	if (top->selected < top->nr)
		c = top->rank[top->selected].container;
	paper_line(paper, HEAD_LINES - 1, false);
	paper_put(paper, INK_TITLE, paper->width,
		  "RESOURCE          HELD MAXHELD BARRIER   LIMIT  USED  "
		  "FAIL/S FAILCNT  HISTORY");
	paper_end(paper);
	for (unsigned int r = 0; c && r < top->live.nr_resources; r++) {
		if (live_idle(&c->row[r]) || shown >= rows)
			continue;
		paper_line(paper, HEAD_LINES + (int)shown++, false);
		detail_row(top, paper, c, r);
		paper_end(paper);
	}
	for (; shown < rows; shown++) {
		paper_line(paper, HEAD_LINES + (int)shown, false);
		if (!c && !shown)
			paper_put(paper, INK_SOFT, 0, "it is gone");
		paper_end(paper);
	}
}

/* --- help, head, foot ----------------------------------------------------------------- */

static void draw_help(struct paper *paper)
{
	static const char *const lines[] = {
		"Up, Down, k, j   previous, next container",
		"PgUp, PgDn       a screenful; Home, End: the first, the last",
		"Enter            all resources of it; again, or Esc: back",
		"Left, Right      the worst resource of each, or one by one",
		"s, S             next, previous order:",
		"                 trouble, used, rate, failcnt, held, name",
		"/                filter by a part of the name; Esc: all again",
		"p, Space         stop and go on",
		"+, -             look less, more often",
		"r                look now",
		"q                quit",
		"",
		/* NOLINTNEXTLINE(bugprone-suspicious-missing-comma): one line */
		"USED is of the barrier, or of the limit where that is 0; yellow "
		"from 80 %,",
		"red when full. FAIL/S: refused per second since the last look. "
		"trouble:",
		"who is being refused, then who is fullest.",
	};
	size_t n = sizeof(lines) / sizeof(lines[0]);

	paper_line(paper, HEAD_LINES - 1, false);
	paper_put(paper, INK_TITLE, paper->width, "KEYS");
	paper_end(paper);
	for (size_t i = 0; i < top_rows(paper); i++) {
		paper_line(paper, HEAD_LINES + (int)i, false);
		paper_put(paper, INK_PLAIN, 0, i < n ? lines[i] : "");
		paper_end(paper);
	}
}

static void count_levels(const struct top *top, size_t *near, size_t *full,
			 double *rate)
{
	*near = *full = 0;
	*rate = 0;
	for (size_t i = 0; i < top->live.nr; i++) {
		const struct live_container *c = &top->live.container[i];
		enum live_level worst = LIVE_FINE;

		for (unsigned int r = 0; r < top->live.nr_resources; r++) {
			enum live_level level = live_level(&c->row[r]);

			worst = level > worst ? level : worst;
			*rate += trend_rate(&top->trend, c, r);
		}
		*near += worst == LIVE_NEAR_BOUND;
		*full += worst == LIVE_FULL;
	}
}

static void draw_head(const struct top *top, struct paper *paper)
{
	time_t now = (time_t)(top->live.time_ns / 1000000000);
	size_t near, full;
	char buf[128];
	struct tm tm;
	double rate;

	count_levels(top, &near, &full, &rate);
	paper_line(paper, 0, false);
	if (!top->live.time_ns || !localtime_r(&now, &tm) ||
	    !strftime(buf, sizeof(buf), "%H:%M:%S", &tm))
		strcpy(buf, "");
	paper_put(paper, INK_PLAIN, 0, "rstat top  ");
	paper_put(paper, INK_SOFT, 0, buf);
	snprintf(buf, sizeof(buf), "  %zu container%s", top->live.nr,
		 top->live.nr == 1 ? "" : "s");
	paper_put(paper, INK_PLAIN, 0, buf);
	snprintf(buf, sizeof(buf), ", %zu full", full);
	paper_put(paper, full ? INK_FULL : INK_SOFT, 0, buf);
	snprintf(buf, sizeof(buf), ", %zu near", near);
	paper_put(paper, near ? INK_NEAR : INK_SOFT, 0, buf);
	snprintf(buf, sizeof(buf), ", %.1f refused/s", rate);
	paper_put(paper, rate > 0 ? INK_FULL : INK_SOFT, 0, buf);
	paper_end(paper);
}

static void draw_second(const struct top *top, struct paper *paper)
{
	char buf[256], name[128];
	const char *of = top->resource < 0 ?
				 "the worst of each" :
				 top->live.resource[top->resource].name;

	paper_line(paper, 1, false);
	if (*top->why) {
		paper_put(paper, INK_FULL, 0,
			  escape_terminal(top->why, buf, sizeof(buf)));
	} else if (top->mode == TOP_DETAIL && top->selected < top->nr) {
		const struct live_container *c =
			top->rank[top->selected].container;

		snprintf(buf, sizeof(buf), "%s, serial %" PRIu64,
			 escape_terminal(c->id.name, name, sizeof(name)),
			 c->id.serial);
		paper_put(paper, INK_PLAIN, 0, buf);
	} else if (top->mode == TOP_FILTER) {
		snprintf(buf, sizeof(buf), "filter: %s_", top->filter);
		paper_put(paper, INK_PLAIN, 0, buf);
	} else {
		snprintf(buf, sizeof(buf), "%s, by %s%s%s%s; every %ld s%s", of,
			 rank_order_name(top->order),
			 *top->filter ? ", with \"" : "", top->filter,
			 *top->filter ? "\"" : "", top->delay,
			 top->paused ? ", stopped" : "");
		paper_put(paper, INK_SOFT, 0, buf);
	}
	paper_end(paper);
}

static void draw_foot(const struct top *top, struct paper *paper)
{
	static const char *const hints[] = {
		[TOP_LIST] = "q quit  ? help  / filter  arrows move, resource  "
			     "s sort  Enter details  p stop",
		[TOP_DETAIL] = "q quit  ? help  Esc back  Up Down other "
			       "containers  p stop",
		[TOP_HELP] = "any key: back",
		[TOP_FILTER] = "Enter: keep it  Esc: no filter",
	};

	paper_line(paper, paper->height - 1, false);
	paper_put(paper, INK_SOFT, 0, hints[top->mode]);
	paper_end(paper);
}

void top_draw(const struct top *top, struct paper *paper)
{
	draw_head(top, paper);
	draw_second(top, paper);
	if (top->mode == TOP_HELP)
		draw_help(paper);
	else if (top->mode == TOP_DETAIL)
		draw_detail(top, paper);
	else
		draw_list(top, paper);
	if (paper->screen)
		draw_foot(top, paper);
}
