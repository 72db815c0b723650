// SPDX-License-Identifier: GPL-2.0
/* Exact numbers in the exposition format, and no more series than wanted. */
#include "metrics.h"
#include "say.h"
#include "tap.h"

static struct om om;

static const char *text(void)
{
	static char copy[4096];

	snprintf(copy, sizeof(copy), "%.*s", (int)om.len, om.data);
	om_free(&om);
	return copy;
}

static const char *decimal(om_wide value, unsigned int decimals)
{
	om_family(&om, "x", OM_GAUGE, NULL, "h");
	om.len = 0;
	om_decimal(&om, "", value, decimals);
	return text();
}

static void test_numbers(void)
{
	tap_is_text(decimal(0, 0), "x 0\n", "0");
	tap_is_text(decimal(-23, 0), "x -23\n", "-23");
	tap_is_text(decimal(INT64_MIN, 0), "x -9223372036854775808\n",
		    "the least of 64 bits");
	tap_is_text(decimal((om_wide)RESCORE_BOUND_MAX * 4096, 0),
		    "x 18889465931478580854784\n", "2^62 pages in bytes");
	tap_is_text(decimal(1, 9), "x 0.000000001\n", "a nanosecond");
	tap_is_text(decimal(-1500000001, 9), "x -1.500000001\n",
		    "a negative fraction");
	tap_is_text(decimal(100, 2), "x 1.00\n", "100 %%");
	om_family(&om, "x", OM_GAUGE, NULL, "h");
	om.len = 0;
	om_integer(&om, "{a=\"b\"}", UINT64_MAX);
	tap_is_text(text(), "x{a=\"b\"} 18446744073709551615\n",
		    "the most of 64 bits");
}

static void test_dialects(void)
{
	om.dialect = OM_1_0;
	om_family(&om, "n_bytes", OM_COUNTER, "bytes", "help");
	om_integer(&om, "", 23);
	om_end(&om);
	tap_is_text(text(),
		    "# TYPE n_bytes counter\n# UNIT n_bytes bytes\n"
		    "# HELP n_bytes help\nn_bytes_total 23\n# EOF\n",
		    "OpenMetrics: a family, a unit, an end");
	om.dialect = OM_TEXT;
	om_family(&om, "n_bytes", OM_COUNTER, "bytes", "help");
	om_integer(&om, "", 23);
	om_end(&om);
	tap_is_text(text(),
		    "# TYPE n_bytes_total counter\n# HELP n_bytes_total help\n"
		    "n_bytes_total 23\n",
		    "0.0.4: the counter's own name, and none of these");
}

/* The longest names there can be, every byte of them replaced or escaped. */
static void test_labels(void)
{
	char container[RESCORE_NAME_LEN], resource[RESCORE_RES_NAME_LEN];
	struct om_labels labels;

	memset(container, '\xff', sizeof(container) - 1);
	container[sizeof(container) - 1] = '\0';
	memset(resource, '"', sizeof(resource) - 1);
	resource[sizeof(resource) - 1] = '\0';
	om_labels_begin(&labels);
	om_label(&labels, "container", container);
	om_label(&labels, "resource", resource);
	om_labels_end(&labels);
	tap_is_int((int64_t)labels.len, 12 + 63 * 3 + 12 + 15 * 2 + 2,
		   "the longest labels fit");
	tap_is_int(labels.text[labels.len - 1], '}', "with their end");
}

static bool has(const char *haystack, const char *needle)
{
	if (strstr(haystack, needle))
		return true;
	printf("# not there: %s\n", needle);
	return false;
}

static void test_rows(void)
{
	struct live live = {
		.nr_resources = 2,
		.resource = {
			{ .name = "gadgets", .unit = RESCORE_COUNT, .on = true },
			{ .name = "gadgetpages", .unit = RESCORE_PAGES,
			  .held_unit = RESCORE_PAGES,
			  .peak_unit = RESCORE_PAGES, .on = true },
		},
	};
	struct metrics_view view = { .live = &live };
	struct rank *rank;
	const char *got;

	for (int i = 0; i < 2; i++) {
		struct live_container *c = live_add(&live);

		strcpy(c->id.name, i ? "b" : "a");
		c->slot = (unsigned int)i + 1;
		for (int r = 0; r < 2; r++)
			c->row[r] = (struct live_row){
				.known = true,
				.bounds = { RESCORE_UNLIMITED,
					    RESCORE_UNLIMITED },
			};
	}
	live.container[1].row[0].failcnt = 5;
	live.container[1].row[1].held = 3;
	if (rank_all(&live, NULL, -1, RANK_TROUBLE, NULL, &rank, &view.nr))
		tap_ok(false, "rank_all");
	view.rank = rank;
	om.dialect = OM_1_0;
	metrics_format(&view, &om);
	got = text();
	tap_ok(has(got, "\nrescore_resource_failures_total"
			"{container=\"b\",resource=\"gadgets\"} 5\n"),
	       "a resource of a controller nobody has heard of");
	tap_ok(has(got, "\nrescore_resource_held_bytes"
			"{container=\"b\",resource=\"gadgetpages\"} 12288\n"),
	       "pages are exported as bytes");
	tap_ok(has(got, "{container=\"b\",resource=\"gadgetpages\"} +Inf\n"),
	       "unlimited is +Inf");
	tap_ok(!strstr(got, "{container=\"a\",resource"),
	       "idle rows have no series");
	tap_ok(!strstr(got, "used_ratio{"), "nor has use of no bound");
	tap_ok(has(got, "\nrescore_containers 2\n"), "the host's part");
	view.tenant = true;
	view.nr = 1;
	metrics_format(&view, &om);
	got = text();
	tap_ok(!strstr(got, "container=\"a\"") &&
		       !strstr(got, "rescore_containers ") &&
		       has(got, "# EOF\n"),
	       "a tenant gets neither others nor the host");
	free(rank);
	live_free(&live);
}

struct parts {
	char text[400000];
	size_t len, most;
	int nr, fail_at;
};

static int take_part(void *arg, const char *data, size_t len)
{
	struct parts *parts = arg;

	if (++parts->nr == parts->fail_at)
		return -ENOSPC;
	memcpy(parts->text + parts->len, data, len);
	parts->len += len;
	parts->most = len > parts->most ? len : parts->most;
	return 0;
}

static int write_many(struct om *to)
{
	om_family(to, "n", OM_GAUGE, NULL, "help");
	for (uint64_t i = 0; i < 9973; i++)
		om_integer(to, "{container=\"web\"}", i);
	return om_end(to);
}

/* A million samples are not kept in memory. */
static void test_parts(void)
{
	static struct parts parts, broken = { .fail_at = 3 };
	struct om whole = {}, streamed = { .sink = take_part, .arg = &parts };
	struct om failing = { .sink = take_part, .arg = &broken };

	tap_is_int(write_many(&whole), 0, "in one piece");
	tap_is_int(write_many(&streamed), 0, "in parts");
	tap_ok(parts.nr > 2 && parts.most <= OM_PART &&
		       parts.len == whole.len &&
		       !memcmp(parts.text, whole.data, whole.len),
	       "%d parts are the same text", parts.nr);
	tap_is_int(write_many(&failing), -ENOSPC, "a sink that fails");
	tap_is_int(broken.nr, 3, "gets no more");
	om_free(&whole);
	om_free(&streamed);
	om_free(&failing);
}

int main(void)
{
	test_parts();
	test_numbers();
	test_dialects();
	test_labels();
	test_rows();
	om_free(&om);
	return tap_done();
}
