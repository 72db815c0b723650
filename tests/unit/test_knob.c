// SPDX-License-Identifier: GPL-2.0
/* Bounds as the text of cgroup files, and back; lists of CPUs; settings. */
#include <errno.h>
#include <string.h>

#include "fake.h"
#include "tap.h"

#define UNL RESCORE_UNLIMITED

static const struct rescore_resource resource = { .name = "row" };

static const struct rescore_knob amount = { .form = RESCORE_KNOB_AMOUNT,
					    .scale = 4096 };
static const struct rescore_knob limit = { .form = RESCORE_KNOB_AMOUNT,
					   .scale = 4096,
					   .flags = RESCORE_KNOB_LIMIT };
static const struct rescore_knob high = { .form = RESCORE_KNOB_AMOUNT,
					  .scale = 4096,
					  .flags = RESCORE_KNOB_ZERO_NONE };
static const struct rescore_knob weight = { .form = RESCORE_KNOB_WEIGHT,
					    .scale = 10 };
static const struct rescore_knob quota = { .form = RESCORE_KNOB_QUOTA };
static const struct rescore_knob burst = { .form = RESCORE_KNOB_BURST,
					   .flags = RESCORE_KNOB_LIMIT };
static const struct rescore_knob cpus = { .form = RESCORE_KNOB_CPUS,
					  .unlimited = "" };

static void test_texts(void)
{
	static const struct {
		const struct rescore_knob *knob;
		int64_t barrier, limit;
		const char *now, *text;	/* NULL: cannot be written */
	} cases[] = {
		{ &amount, 23, 29, "", "94208" },
		{ &limit, 23, 29, "", "118784" },
		{ &amount, 0, 0, "", "0" },
		{ &high, 0, 29, "", "max" },
		{ &amount, UNL, UNL, "", "max" },
		{ &amount, 1LL << 51, UNL, "", "max" },
		{ &amount, (1LL << 51) - 1, UNL, "", "9223372036854771712" },
		{ &weight, 1000, 1000, "", "100" },
		{ &weight, 8, 8, "", "1" },
		{ &weight, 500000, 500000, "", "10000" },
		{ &quota, 50, 50, "max 100000", "50000 100000" },
		{ &quota, 250, 250, "1 20000", "50000 20000" },
		{ &quota, UNL, UNL, "1 20000", "max 20000" },
		{ &quota, 1, 1, "max 100000", "1000 100000" },
		{ &quota, 4, 4, "max 20000", NULL },
		{ &quota, 1LL << 40, UNL, "max 100000", NULL },
		{ &burst, 50, 50, "0", "0" },
		{ &burst, 50, 80, "0", "30000" },
		{ &burst, 50, 100, "0", "50000" },
		{ &burst, 50, 101, "0", NULL },
		{ &burst, 50, UNL, "0", NULL },
		{ &burst, UNL, UNL, "0", "0" },
		{ &cpus, UNL, UNL, "", "" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct knob_text k = { .slot = 1, .period_us = 100000 };
		const struct rescore_bounds bounds = { 0, cases[i].barrier,
						       cases[i].limit };
		int err = rescore_knob_text(cases[i].knob, &resource, &bounds,
					    cases[i].now, &k);

		if (cases[i].text)
			tap_ok(!err && !strcmp(k.text, cases[i].text),
			       "text %zu: %s", i, cases[i].text);
		else
			tap_ok(err == -EINVAL &&
				       strstr(rescore_strerror(), "row: "),
			       "text %zu is refused: %s", i,
			       rescore_strerror());
	}
}

static void test_bounds(void)
{
	static const struct {
		const struct rescore_knob *knob;
		const char *text;
		int64_t base, bound;
	} cases[] = {
		{ &amount, "94208", 0, 23 },
		{ &amount, "max", 0, UNL },
		{ &amount, "0", 0, 0 },
		{ &weight, "100", 0, 1000 },
		{ &quota, "max 100000", 0, UNL },
		{ &quota, "50000 100000", 0, 50 },
		{ &quota, "50000 20000", 0, 250 },
		{ &quota, "1000 1000000", 0, 1 },	/* little is not nothing */
		{ &burst, "30000", 50, 80 },
		{ &burst, "0", UNL, UNL },
		{ &cpus, "0-2,7", 0, 4 },
		{ &cpus, "", 0, UNL },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		tap_ok(rescore_knob_bound(cases[i].knob, cases[i].text,
					  cases[i].base,
					  100000) == cases[i].bound,
		       "bound of \"%s\"", cases[i].text);
}

/* More units are never less weight, and a tenth as far as weights go. */
static void test_weights(void)
{
	int64_t units, value, last = 0;
	bool monotonic = true, near = true;

	for (units = 8; units <= 500000; units++) {
		struct knob_text k = {};
		const struct rescore_bounds bounds = { 0, units, units };

		rescore_knob_text(&weight, &resource, &bounds, "", &k);
		value = strtoll(k.text, NULL, 10);
		monotonic = monotonic && value >= last && value >= 1 &&
			    value <= 10000;
		if (units <= 100000)
			near = near && value * 10 - units <= 5 &&
			       units - value * 10 <= 5;
		last = value;
	}
	tap_ok(monotonic, "weights of 8 to 500000 units never fall");
	tap_ok(near, "weights are a tenth of the units, rounded");
}

static void test_lists(void)
{
	static const struct {
		const char *list;
		int64_t n;
	} lists[] = {
		{ "0", 1 },
		{ "0-3", 4 },
		{ "0-3,2-5", 6 },
		{ "7,7,7", 1 },
		{ "8191", 1 },
		{ "8192", -1 },
		{ "3-2", -1 },
		{ "0-", -1 },
		{ "-1", -1 },
		{ "0,", -1 },
		{ ",0", -1 },
		{ "0--1", -1 },
		{ "0 1", -1 },
		{ "0x1", -1 },
		{ "a", -1 },
		{ "0-3:2", -1 },
		{ "99999999999999999999", -1 },
	};
	char text[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lists); i++)
		tap_ok(rescore_list_count(lists[i].list) == lists[i].n,
		       "list \"%s\"", lists[i].list);
	tap_ok(!rescore_pick_cpus("0-3", 2, 0, text, sizeof(text)) &&
		       !strcmp(text, "0,1"),
	       "the first two");
	tap_ok(!rescore_pick_cpus("0-3", 2, 3, text, sizeof(text)) &&
		       !strcmp(text, "0,3"),
	       "round the end");
	tap_ok(!rescore_pick_cpus("2,5,9", 1, 4, text, sizeof(text)) &&
		       !strcmp(text, "5"),
	       "of those that are online");
	tap_ok(rescore_pick_cpus("0-3", 5, 0, text, sizeof(text)) == -EINVAL,
	       "more than there are");
	tap_ok(rescore_pick_cpus("0-8191", 4000, 0, text, sizeof(text)) ==
		       -E2BIG,
	       "a list that is too long");
}

/* Random text is taken, or refused with a reason; never more. */
static void test_rubbish(void)
{
	static const char letters[] = "0123456789-,:/%msu.";
	static struct rescore_knob knobs[] = {
		{ .id = 0, .form = RESCORE_KNOB_QUOTA },
		{ .id = 1, .form = RESCORE_KNOB_CPUS },
	};
	struct rescore_bounds bounds;
	uint64_t state = 7;
	unsigned int i, j, taken = 0;
	char text[16];
	bool right = true;
	int err;

	fake_meta.nr_knobs = ARRAY_SIZE(knobs);
	fake_rs.knobs = knobs;
	for (i = 0; i < 200000; i++) {
		for (j = 0; j < tap_random(&state) % 15; j++)
			text[j] = letters[tap_random(&state) %
					  (sizeof(letters) - 1)];
		text[j] = '\0';
		memset(&bounds, 0x5a, sizeof(bounds));
		err = rescore_parse_setting(&fake_rs, i & 1, text, &bounds);
		if (err)
			right = right && bounds.id == 0x5a5a5a5a;
		else
			right = right && bounds.barrier >= 0 &&
				bounds.barrier <= bounds.limit;
		taken += !err;
	}
	tap_ok(right && taken > 1000, "rubbish: %u of %u are settings", taken,
	       i);
	tap_ok(!rescore_parse_setting(&fake_rs, 0, "50:80/20ms", &bounds) &&
		       bounds.barrier == 50 && bounds.limit == 80 &&
		       !strcmp(bounds.detail, "20000"),
	       "a period");
	tap_ok(!rescore_parse_setting(&fake_rs, 1, "0-2,5", &bounds) &&
		       bounds.barrier == 4 && !strcmp(bounds.detail, "0-2,5"),
	       "a list");
}

int main(void)
{
	test_texts();
	test_bounds();
	test_weights();
	test_lists();
	test_rubbish();
	return tap_done();
}
