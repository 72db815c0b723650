// SPDX-License-Identifier: GPL-2.0
/* Amounts, bars and histories of a row, as rstat top puts them down. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <librescore.h>

#include "top.h"

static void shorten(double value, char *buf, size_t size)
{
	static const char letters[] = "KMGTPEZ";
	size_t i = 0;

	for (value /= 1000; value >= 999.5 && letters[i + 1]; i++)
		value /= 1000;
	snprintf(buf, size, value < 9.995 ? "%.2f%c" : "%.0f%c", value,
		 letters[i]);
}

const char *top_amount(int64_t amount, unsigned int unit, char *buf,
		       size_t size)
{
	if (amount == RESCORE_UNLIMITED) {
		snprintf(buf, size, "-");
		return buf;
	}
	rescore_format_amount(amount, unit, false, buf, size);
	if (strlen(buf) <= TOP_CELL)
		return buf;
	if (unit == RESCORE_BYTES || unit == RESCORE_PAGES)
		snprintf(buf, size, "huge");
	else
		shorten((double)amount, buf, size);

	return buf;
}

/* Of time that is bounded as a percentage: that. */
const char *top_usage(const struct live_row *row,
		      const struct live_resource *resource, char *buf,
		      size_t size)
{
	if (live_grows(resource) && !isnan(row->usage))
		return top_amount((int64_t)(row->usage + 0.5), resource->unit,
				  buf, size);
	return top_amount(row->held, resource->held_unit, buf, size);
}

const char *top_count(uint64_t count, char *buf, size_t size)
{
	snprintf(buf, size, "%" PRIu64, count);
	if (strlen(buf) > TOP_CELL)
		shorten((double)count, buf, size);
	return buf;
}

const char *top_rate(double rate, char *buf, size_t size)
{
	if (rate <= 0)
		snprintf(buf, size, "-");
	else if (rate < 99.95)
		snprintf(buf, size, "%.1f", rate);
	else if (rate < 999999.5)
		snprintf(buf, size, "%.0f", rate);
	else
		shorten(rate, buf, size);
	return buf;
}

enum ink top_ink(const struct live_row *row)
{
	switch (live_level(row)) {
	case LIVE_FULL:
		return INK_FULL;
	case LIVE_NEAR_BOUND:
		return INK_NEAR;
	case LIVE_FINE:
		break;
	}
	return INK_PLAIN;
}

void top_bar(struct paper *paper, const struct live_row *row, int width)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍",
					       "▌", "▋", "▊", "▉" };
	double used = live_used(row);
	enum ink ink = top_ink(row);
	char buf[64 * 3 + 8] = "";
	size_t at = 0;
	int filled, part;

	if (isnan(used) || width < 1) {
		paper_put(paper, INK_PLAIN, width, "");
		return;
	}
	part = (int)(fmin(used, 1) * width * 8);
	filled = part / 8;
	for (int i = 0; i < filled && at + 4 < sizeof(buf); i++)
		at += (size_t)sprintf(buf + at, "%s", paper->utf8 ? "█" : "#");
	if (paper->utf8 && filled < width)
		sprintf(buf + at, "%s", eighths[part % 8]);
	paper_put(paper, ink == INK_PLAIN ? INK_BAR : ink, width, buf);
}

/* The last values of held, the newest at the right; the highest is full. */
void top_history(struct paper *paper, const struct top *top,
		 const struct live_container *c, unsigned int r, int width)
{
	static const char *const steps[] = { "▁", "▂", "▃", "▄",
					     "▅", "▆", "▇", "█" };
	static const char ascii[] = "_.,-=+*#";
	float held[TREND_LEN], most = 0;
	size_t nr = trend_held(&top->trend, c, r, held), skip, at = 0;
	char buf[TREND_LEN * 3 + 1] = "";

	if (width > TREND_LEN)
		width = TREND_LEN;
	skip = nr > (size_t)width ? nr - (size_t)width : 0;
	for (size_t i = skip; i < nr; i++)
		if (held[i] > most)
			most = held[i];
	for (size_t i = skip; i < nr; i++) {
		int step = most > 0 ? (int)(held[i] / most * 7 + 0.5f) : 0;

		if (isnan(held[i]))
			at += (size_t)sprintf(buf + at, " ");
		else if (paper->utf8)
			at += (size_t)sprintf(buf + at, "%s", steps[step]);
		else
			at += (size_t)sprintf(buf + at, "%c", ascii[step]);
	}
	paper_put(paper, INK_SOFT, -width, buf);
}
