// SPDX-License-Identifier: GPL-2.0
/* Who is in trouble, refusals per second, and words of others in our texts. */
#include <math.h>

#include "escape.h"
#include "rank.h"
#include "say.h"
#include "show.h"
#include "tap.h"

#define SECOND 1000000000LL

static struct live live = { .nr_resources = 2, .loaded_ns = 1 };

static struct live_container *add(const char *name, unsigned int slot,
				  uint64_t serial)
{
	struct live_container *c = live_add(&live);

	snprintf(c->id.name, sizeof(c->id.name), "%s", name);
	c->id.serial = serial;
	c->slot = slot;
	return c;
}

static void set(struct live_container *c, unsigned int r, int64_t held,
		int64_t barrier, int64_t limit, uint64_t failcnt)
{
	c->row[r] = (struct live_row){
		.known = true,
		.held = held,
		.maxheld = held,
		.bounds = { barrier, limit },
		.failcnt = failcnt,
	};
	live_set_usage(&live.resource[r], &c->row[r]);
}

static void test_rows(void)
{
	struct live_row row = { .known = true, .held = 23, .usage = 23 };

	row.bounds = (struct bounds){ 29, 31 };
	tap_ok(fabs(live_used(&row) - 23 / 29.0) < 1e-12, "of the barrier");
	tap_is_int(live_level(&row), LIVE_FINE, "23 of 29 is fine");
	row.usage = 24;
	tap_is_int(live_level(&row), LIVE_NEAR_BOUND, "24 of 29 is near");
	row.usage = 29;
	tap_is_int(live_level(&row), LIVE_FULL, "29 of 29 is full");
	row.bounds.barrier = 0;
	tap_ok(fabs(live_used(&row) - 29 / 31.0) < 1e-12,
	       "of the limit where the barrier is 0");
	row.bounds.limit = 0;
	tap_ok(isinf(live_used(&row)), "something where nothing may be");
	tap_is_int(live_level(&row), LIVE_FULL, "that is full");
	row.held = row.usage = 0;
	tap_ok(live_used(&row) == 0, "nothing where nothing may be is 0");
	tap_is_int(live_level(&row), LIVE_FINE, "that is fine");
	row.bounds = (struct bounds){ RESCORE_UNLIMITED, RESCORE_UNLIMITED };
	tap_ok(isnan(live_used(&row)), "of no bound it is no number");
	tap_is_int(live_level(&row), LIVE_FINE, "unlimited is fine");
	tap_ok(live_idle(&row), "unlimited and unused is idle");
	row.failcnt = 1;
	tap_ok(!live_idle(&row), "one refusal is not idle");
}

/* More than the first allocation, so that the rows move. */
static void test_growth(void)
{
	bool right = true;
	char name[32];

	for (unsigned int i = 0; i < 1009; i++) {
		snprintf(name, sizeof(name), "c%u", i);
		set(add(name, i + 1, i), 1, i, 7, 7, 0);
	}
	for (unsigned int i = 0; i < 1009; i++)
		right &= live.container[i].row[1].held == i &&
			 !live.container[i].row[0].known;
	tap_ok(right, "1009 containers keep their rows while they grow");
	tap_is_int(live_find(&live, "c1008")->slot, 1009, "found by name");
	tap_ok(!live_find(&live, "c1009"), "and one that is not there is not");
	live_empty(&live);
	tap_is_int((int64_t)live.nr, 0, "empty again");
}

static void sample(struct trend *trend, int64_t seconds, uint64_t serial,
		   int64_t held, uint64_t failcnt)
{
	live_empty(&live);
	live.loaded_ns = 1;
	live.time_ns = seconds * SECOND;
	set(add("web", 3, serial), 0, held, 100, 100, failcnt);
	if (trend_add(trend, &live))
		tap_ok(false, "trend_add");
}

static double rate(const struct trend *trend)
{
	return trend_rate(trend, &live.container[0], 0);
}

static void test_trend(void)
{
	struct trend trend = {};
	float held[TREND_LEN];

	sample(&trend, 10, 5, 1, 46);
	tap_ok(rate(&trend) == 0, "one look says nothing of a rate");
	sample(&trend, 12, 5, 2, 69);
	tap_ok(rate(&trend) == 11.5, "23 refusals in 2 s");
	sample(&trend, 14, 5, 3, 3);
	tap_ok(rate(&trend) == 0, "a reset is no burst");
	sample(&trend, 15, 5, 4, 10);
	tap_ok(rate(&trend) == 7, "and after it the count goes on");
	tap_is_int((int64_t)trend_held(&trend, &live.container[0], 0, held), 4,
		   "four values");
	tap_ok(held[0] == 1 && held[3] == 4, "oldest first");
	for (int i = 0; i < TREND_LEN; i++)
		sample(&trend, 16 + i, 5, 100 + i, 10);
	tap_is_int((int64_t)trend_held(&trend, &live.container[0], 0, held),
		   TREND_LEN, "as many as are kept");
	tap_ok(held[0] == 100 && held[TREND_LEN - 1] == 100 + TREND_LEN - 1,
	       "the ring is read from its oldest");
	sample(&trend, 60, 6, 4, 1000);
	tap_ok(rate(&trend) == 0, "another container in the slot starts anew");
	tap_is_int((int64_t)trend_held(&trend, &live.container[0], 0, held), 1,
		   "with one value");
	live_empty(&live);
	live.time_ns = 61 * SECOND;
	if (trend_add(&trend, &live))
		tap_ok(false, "trend_add");
	sample(&trend, 62, 6, 4, 2000);
	tap_ok(rate(&trend) == 0, "one that was gone is forgotten");
	trend_free(&trend);
}

/* CPU time in nanoseconds, of which percent are bounded. */
static void test_growth_of_time(void)
{
	struct live_resource saved = live.resource[0];
	struct trend trend = {};
	float held[TREND_LEN];

	live.resource[0].unit = live.resource[0].peak_unit = RESCORE_PERCENT;
	live.resource[0].held_unit = RESCORE_NSEC;
	for (int i = 0; i < 3; i++) {
		struct live_resource resource = live.resource[0];

		live_empty(&live);
		live.resource[0] = resource;
		live.loaded_ns = 1;
		live.time_ns = (10 + 2 * i) * SECOND;
		set(add("web", 3, 5), 0, (i == 2 ? 1 : 4 + i) * SECOND, 200,
		    200, 0);
		if (trend_add(&trend, &live))
			tap_ok(false, "trend_add");
		if (i == 1)
			tap_ok(live.container[0].row[0].usage == 50 &&
				       live_used(&live.container[0].row[0]) ==
					       0.25,
			       "a second of two is 50 %%, a quarter of 200 %%");
		else
			tap_ok(isnan(live_used(&live.container[0].row[0])),
			       i ? "a time that goes back says nothing" :
				   "nor does one look");
	}
	trend_held(&trend, &live.container[0], 0, held);
	tap_ok(isnan(held[0]) && held[1] == 50 && isnan(held[2]),
	       "and that is remembered");
	trend_free(&trend);
	live.resource[0] = saved;
}

static bool ranked(const struct trend *trend, int resource,
		   enum rank_order order, const char *filter, const char *want)
{
	struct rank *rank;
	char got[256] = "";
	size_t nr;

	if (rank_all(&live, trend, resource, order, filter, &rank, &nr))
		return false;
	for (size_t i = 0; i < nr; i++) {
		if (i)
			strcat(got, " ");
		strcat(got, rank[i].container->id.name);
	}
	free(rank);
	if (strcmp(got, want))
		printf("#  got: %s\n# want: %s\n", got, want);
	return !strcmp(got, want);
}

static void four(uint64_t refused)
{
	const int64_t none = RESCORE_UNLIMITED;
	static int64_t now;

	live_empty(&live);
	live.loaded_ns = 1;
	live.time_ns = now += SECOND;
	set(add("quiet", 1, 1), 0, 50, none, none, 0);
	set(add("full", 2, 2), 0, 10, 10, 10, 0);
	set(add("half", 3, 3), 0, 5, 10, 10, refused);
	set(add("worst2", 4, 4), 0, 1, 10, 10, 0);
	for (int i = 0; i < 4; i++)
		set(&live.container[i], 1, i == 3 ? 19 : 0, 20, 20, 0);
}

static void test_rank(void)
{
	struct trend trend = {};

	four(7);
	if (trend_add(&trend, &live))
		tap_ok(false, "trend_add");
	tap_ok(ranked(&trend, -1, RANK_TROUBLE, NULL, "full worst2 half quiet"),
	       "the fullest row of each container counts");
	tap_ok(ranked(&trend, 0, RANK_TROUBLE, NULL, "full half worst2 quiet"),
	       "of one resource only that counts");
	tap_ok(ranked(&trend, 0, RANK_HELD, NULL, "quiet full half worst2"),
	       "by held");
	tap_ok(ranked(&trend, -1, RANK_FAILCNT, NULL, "half full worst2 quiet"),
	       "by failcnt, equals by trouble");
	tap_ok(ranked(&trend, -1, RANK_NAME, NULL, "full half quiet worst2"),
	       "by name");
	tap_ok(ranked(&trend, -1, RANK_TROUBLE, "l", "full half"),
	       "filtered by a part of the name");
	four(30);
	if (trend_add(&trend, &live))
		tap_ok(false, "trend_add");
	tap_ok(ranked(&trend, -1, RANK_TROUBLE, NULL, "half full worst2 quiet"),
	       "who is being refused comes first");
	tap_ok(ranked(&trend, -1, RANK_RATE, NULL, "half full worst2 quiet"),
	       "by refusals per second");
	trend_free(&trend);
}

static void test_sort_keys(void)
{
	enum rank_order order;
	int resource;

	strcpy(live.resource[0].name, "numproc");
	strcpy(live.resource[1].name, "dummies");
	tap_ok(!show_sort_key(&live, NULL, &order, &resource) &&
		       order == RANK_TROUBLE && resource == -1,
	       "by trouble unless told otherwise");
	tap_ok(!show_sort_key(&live, "dummies", &order, &resource) &&
		       order == RANK_USED && resource == 1,
	       "a resource is a key, whichever it is");
	tap_is_int(show_sort_key(&live, "numbers", &order, &resource), -EINVAL,
		   "what is neither is refused");
	tap_is_text(failure(),
		    "--sort 'numbers': give one of trouble used rate failcnt "
		    "held name numproc dummies",
		    "in one line that quotes it");
}

static void test_escape(void)
{
	char buf[64];

	tap_is_text(escape_terminal("a\033[31mb\xc2\x9b", buf, sizeof(buf)),
		    "a?[31mb??", "nothing steers a terminal");
	tap_is_text(escape_csv("a,\"b\"", buf, sizeof(buf)), "\"a,\"\"b\"\"\"",
		    "quotes in CSV");
	tap_is_text(escape_csv("=1+1", buf, sizeof(buf)), "\"'=1+1\"",
		    "no formula in CSV");
	tap_is_text(escape_csv("@x", buf, sizeof(buf)), "\"'@x\"", "nor @");
	tap_is_text(escape_csv("abcdef", buf, 6), "\"abc\"",
		    "what is too long ends with its quote");
	tap_is_text(escape_label("a\\\"\nb", buf, sizeof(buf)), "a\\\\\\\"\\nb",
		    "labels");
	tap_is_text(escape_label("\"\"\"", buf, 6), "\\\"\\\"",
		    "no half escape at the end");
	tap_is_text(escape_utf8("\xc3\xa9\xff\xed\xa0\x80\xc0\xaf", buf,
				sizeof(buf)),
		    "\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
		    "\xef\xbf\xbd\xef\xbf\xbd",
		    "what is not UTF-8, surrogates and long forms");
	tap_is_text(escape_utf8("\xe2\x82", buf, sizeof(buf)),
		    "\xef\xbf\xbd\xef\xbf\xbd", "a character cut in two");
}

static void test_percent(void)
{
	char buf[16];

	tap_is_text(show_percent(0.999, buf, sizeof(buf)), "99%",
		    "100% is said only when it is full");
	tap_is_text(show_percent(0.57, buf, sizeof(buf)), "57%",
		    "0.57 is not 56%");
	tap_is_text(show_percent(NAN, buf, sizeof(buf)), "-", "no bound");
	tap_is_text(show_percent(INFINITY, buf, sizeof(buf)), ">999%",
		    "far beyond");
}

int main(void)
{
	test_rows();
	test_growth();
	test_trend();
	test_growth_of_time();
	test_rank();
	test_sort_keys();
	test_escape();
	test_percent();
	live_free(&live);
	return tap_done();
}
