// SPDX-License-Identifier: GPL-2.0
/* What has been recorded of a container: numbers, pictures, forecasts. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "graph.h"
#include "live_json.h"
#include "say.h"
#include "track.h"
#include "unit.h"

#define RANGE_DEFAULT	86400			/* seconds */
#define RANGE_MAX	(4 * 366L * 86400)	/* longer than any store */

int api_parse_time(const char *text, int64_t now, int64_t *ret_time)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = { { 's', 1 },      { 'm', 60 },	 { 'h', 3600 },
		      { 'd', 86400 }, { 'w', 604800 }, { 'y', 31536000 } };
	bool ago = *text == '-';
	size_t digits;
	int64_t value;

	if (!strcmp(text, "now")) {
		*ret_time = now;
		return 0;
	}
	digits = strspn(text + ago, "0123456789");
	if (!digits || digits > 11)
		return -EINVAL;
	value = strtoll(text + ago, NULL, 10);
	text += ago + digits;
	if (!ago) {
		*ret_time = value;
		return *text ? -EINVAL : 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (*text != units[i].letter || text[1])
			continue;
		if (value > now / units[i].seconds)
			return -EINVAL;
		*ret_time = now - value * units[i].seconds;
		return 0;
	}

	return -EINVAL;
}

/* 0, or -EINVAL after answering. */
static int parse_range(struct http_request *request, int64_t now,
		       struct api_query *query)
{
	const char *from = http_query(request, "from");
	const char *to = http_query(request, "to");

	query->to = now;
	query->until_last = !to || !strcmp(to, "now");
	if ((to && api_parse_time(to, now, &query->to))) {
		http_error(request, 400,
			   "to is seconds since 1970, now, or as in -2h");
		return -EINVAL;
	}
	query->from = query->to - RANGE_DEFAULT;
	/* "The last day" of a container that is an hour old is an hour. */
	query->at_most = !from || *from == '-';
	if (from && api_parse_time(from, now, &query->from)) {
		http_error(request, 400,
			   "from is seconds since 1970, or as in -2h");
		return -EINVAL;
	}
	if (query->from < 1 || query->from >= query->to ||
	    query->to - query->from > RANGE_MAX ||
	    query->to > now + RANGE_MAX) {
		http_error(request, 400,
			   "from has to be before to, by four years at most");
		return -EINVAL;
	}

	return 0;
}

/* --- in the child ------------------------------------------------------------- */

struct range {
	char from[24], to[24];
};

static void range_text(const struct api_query *query, struct range *range)
{
	snprintf(range->from, sizeof(range->from), "%" PRId64, query->from);
	snprintf(range->to, sizeof(range->to), "%" PRId64, query->to);
}

static int draw(void *arg, FILE *out)
{
	const struct api_query *query = arg;
	struct range range;
	struct args args = {
		.container = query->container,
		.resource = query->resource,
		.dir = query->dir,
		.from = range.from,
		.at_most = query->at_most,
		.to = query->until_last ? NULL : range.to,
		.forecast = query->forecast,
	};
	struct graph_job job = {
		.args = &args,
		.look = {
			.width = query->width,
			.height = query->height,
			.format = query->svg ? GRAPH_SVG : GRAPH_PNG,
			.theme = graph_theme_find(query->dark ? "dark" :
								"light"),
		},
	};

	range_text(query, &range);

	return graph_draw(&job, out);
}

static json_t *row_json(const struct track_row *row)
{
	return json_pack("[I, o, o, o, o, o]", (json_int_t)row->stamp,
			 live_json_number(row->held),
			 live_json_number(row->peak),
			 live_json_number(row->failures),
			 live_json_number(row->barrier),
			 live_json_number(row->limit));
}

static int put_history(const struct track *track, FILE *out)
{
	json_t *rows = json_array();
	json_t *root;
	int err = 0;

	for (size_t i = 0; i < track->nr; i++)
		json_array_append_new(rows, row_json(&track->row[i]));
	/* clang-format off */
	root = json_pack("{s:i, s:o, s:o, s:s, s:I, s:[s, s, s, s, s, s], s:o}",
			 "version", API_VERSION,
			 "container", live_json_text(track->meta.id.name),
			 "resource", live_json_text(track->resource->name),
			 "unit", unit_name(meta_shown_unit(track->resource)),
			 "step", (json_int_t)track->step,
			 "columns", "time", "held", "peak", "failures",
				    "barrier", "limit",
			 "rows", rows);
	/* clang-format on */
	if (!root || json_dumpf(root, out, JSON_COMPACT))
		err = fail(ENOMEM, "no memory");
	json_decref(root);

	return err;
}

static int history(void *arg, FILE *out)
{
	const struct api_query *query = arg;
	struct range range;
	struct track_query track_query = {
		.container = query->container,
		.resource = query->resource,
		.from = range.from,
		.at_most = query->at_most,
		.to = query->until_last ? NULL : range.to,
	};
	struct store store;
	struct track track;
	int err;

	range_text(query, &range);
	err = store_open(&store, query->dir);
	if (err)
		return err;
	err = track_read(&store, &track_query, &track);
	store_close(&store);
	if (err)
		return err;
	err = put_history(&track, out);
	track_free(&track);

	return err;
}

/* --- in the server -------------------------------------------------------------- */

/* The resource of the query, as the registry has it; answers if there is none. */
static int find_resource(const struct site *site, struct http_request *request,
			 struct api_query *query)
{
	const char *name = http_query(request, "resource");
	int id = name ? live_find_resource(&site->live, name) : -1;

	if (id < 0) {
		http_error(request, name ? 404 : 400,
			   name ? "there is no such resource" :
				  "say which: ?resource=");
		return -EINVAL;
	}
	memcpy(query->resource, site->live.resource[id].name,
	       sizeof(query->resource));

	return 0;
}

static int parse_graph(struct http_request *request, struct api_query *query)
{
	const char *format = http_query(request, "format");
	const char *theme = http_query(request, "theme");

	query->width = 860;
	query->height = 300;
	query->svg = !format || strcmp(format, "png");
	query->dark = theme && !strcmp(theme, "dark");
	if (format && strcmp(format, "png") && strcmp(format, "svg")) {
		http_error(request, 400, "format is svg or png");
		return -EINVAL;
	}
	if (theme && strcmp(theme, "dark") && strcmp(theme, "light")) {
		http_error(request, 400, "theme is light or dark");
		return -EINVAL;
	}
	if (api_number(request, "forecast", 0, 1, &query->forecast) ||
	    api_number(request, "width", 100, 2000, &query->width))
		return -EINVAL;

	return api_number(request, "height", 50, 1000, &query->height);
}

static const struct {
	const char *name;
	child_fn fn;
	bool graph;
	bool whole;		/* not of one resource, nor of a range */
} questions[] = {
	{ "history", history },
	{ "graph", draw, .graph = true },
	{ "forecast", api_forecast, .whole = true },
};

#define NR_QUESTIONS (sizeof(questions) / sizeof(questions[0]))

void api_recorded(const struct site *site, const struct access *access,
		  const struct live_container *container, const char *what,
		  struct http_request *request)
{
	int64_t now = live_now_ns() / 1000000000;
	struct api_query query = { .dir = site->dir }, *copy;
	const char *type = "application/json";
	size_t q = 0;

	while (q < NR_QUESTIONS && strcmp(questions[q].name, what))
		q++;
	if (q == NR_QUESTIONS) {
		http_error(request, 404, "there is no such thing");
		return;
	}
	memcpy(query.container, container->id.name, sizeof(query.container));
	if (!questions[q].whole && (find_resource(site, request, &query) ||
				    parse_range(request, now, &query)))
		return;
	if (questions[q].graph) {
		if (parse_graph(request, &query))
			return;
		type = query.svg ? "image/svg+xml" : "image/png";
	}
	copy = malloc(sizeof(*copy));
	if (!copy) {
		http_error(request, 500, "no memory");
		return;
	}
	*copy = query;
	http_defer(request, type, questions[q].fn, copy, sizeof(*copy),
		   access->owner);
}
