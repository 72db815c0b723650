// SPDX-License-Identifier: GPL-2.0
/* The layout is a format: what it was in version 1 it stays. */
#include "layout.h"
#include "tap.h"

#define DAY 86400

static void is_rras(enum layout_kind kind, int step, const char *want)
{
	struct layout_rra rra[LAYOUT_RRAS_MAX];
	char got[128] = "", name[64];
	int n = layout_rras(kind, step, rra);

	for (int i = 0; i < n; i++)
		snprintf(got + strlen(got), sizeof(got) - strlen(got),
			 "%s%d:%d", i ? " " : "", rra[i].steps, rra[i].rows);
	snprintf(name, sizeof(name), "%s.rrd, step %d", layout_files[kind].stem,
		 step);
	tap_is_text(got, want, name);
}

static void test_standard(void)
{
	const char *four = "1:1440 10:1152 60:1080 1440:1096";

	is_rras(LAYOUT_USE, 60, four);
	is_rras(LAYOUT_PEAK, 60, four);
	is_rras(LAYOUT_CAP, 60, "1:1080 24:1096");
	is_rras(LAYOUT_USE, 1, "1:3600 60:1440 600:1152 3600:1080 86400:1096");
	is_rras(LAYOUT_CAP, 1, "1:3600 60:1080 1440:1096");
	is_rras(LAYOUT_USE, 10, "1:3600 6:1440 60:1152 360:1080 8640:1096");
	is_rras(LAYOUT_USE, 300, "1:288 2:1152 12:1080 288:1096");
	is_rras(LAYOUT_USE, 3600, "1:1080 24:1096");
	is_rras(LAYOUT_CAP, 3600, "1:1080 24:1096");
}

/* For every step: three years and two months are kept, in rows that grow. */
static void test_every_step(void)
{
	bool spans = true, grows = true, small = true;
	int steps = 0;

	for (int step = 1; step <= 3600; step++) {
		for (int kind = 0; kind < LAYOUT_KINDS; kind++) {
			struct layout_rra rra[LAYOUT_RRAS_MAX];
			int64_t length = layout_step(kind, step);
			int64_t rows = 0;
			int n;

			if (!layout_step_ok(step))
				continue;
			steps++;
			n = layout_rras(kind, step, rra);
			spans &= rra[n - 1].rows * rra[n - 1].steps * length >=
				 1095LL * DAY;
			spans &= rra[n - 2].rows * rra[n - 2].steps * length >=
				 45LL * DAY;
			grows &= rra[0].steps == 1;
			for (int i = 0; i < n; i++)
				rows += rra[i].rows;
			for (int i = 1; i < n; i++)
				grows &= rra[i].steps > rra[i - 1].steps;
			small &= rows <= 9000;
		}
	}
	tap_ok(spans, "45 days and 3 years are kept at every step");
	tap_ok(grows, "rows begin with one step and grow");
	tap_ok(small, "no file has more than 9000 rows");
	tap_is_int(steps, 45 * LAYOUT_KINDS, "an hour has 45 divisors");
}

static void test_names(void)
{
	char buf[LAYOUT_FILE_LEN];

	tap_ok(layout_name_ok("oomguarpages") && layout_name_ok("a"),
	       "names of resources");
	tap_ok(layout_name_ok("fourteen_chars"), "14 characters fit");
	tap_ok(!layout_name_ok("fifteen__chars_"), "15 do not");
	tap_ok(!layout_name_ok("") && !layout_name_ok("a:b") &&
		       !layout_name_ok("a b") && !layout_name_ok("../x"),
	       "what rrdtool does not allow");
	tap_is_text(layout_file_name(LAYOUT_USE, 0, buf), "use.rrd", "set 1");
	tap_is_text(layout_file_name(LAYOUT_CAP, 2, buf), "cap3.rrd", "set 3");
}

static void test_steps(void)
{
	tap_ok(!layout_step_ok(0) && !layout_step_ok(-60) &&
		       !layout_step_ok(7) && !layout_step_ok(7200),
	       "bad steps");
	tap_is_int(layout_cap_step(60), 3600, "cap.rrd: an hour");
	tap_is_int(layout_cap_step(1), 60, "cap.rrd: a minute with step 1");
	tap_is_int(layout_heartbeat(60), 180, "three steps bridge a gap");
}

int main(void)
{
	test_standard();
	test_every_step();
	test_names();
	test_steps();
	return tap_done();
}
