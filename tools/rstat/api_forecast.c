// SPDX-License-Identifier: GPL-2.0
/* When the bounds of a container will be reached, for the API. */
#include <errno.h>
#include <jansson.h>
#include <string.h>

#include "api.h"
#include "history.h"
#include "live_json.h"
#include "say.h"
#include "unit.h"

#define HORIZON	(90 * 86400L)

static json_t *stamp_json(int64_t stamp)
{
	return stamp ? json_integer(stamp) : json_null();
}

static json_t *hit_json(const struct forecast_hit *hit)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "when",
			 forecast_when_name(hit->when), "at",
			 stamp_json(hit->at), "earliest",
			 stamp_json(hit->earliest), "latest",
			 stamp_json(hit->latest), "until",
			 stamp_json(hit->until));
}

static int add_outlook(void *arg, const struct outlook *outlook)
{
	const struct forecast *f = &outlook->forecast;
	struct forecast_hit barrier = outlook_barrier(outlook, HORIZON);
	struct forecast_hit limit = outlook_limit(outlook, HORIZON);
	json_t *json;

	/* clang-format off */
	json = json_pack("{s:s, s:o, s:s, s:f, s:f, s:f, s:o, s:o}",
			 "unit", unit_name(outlook->resource->unit),
			 "last", stamp_json(f->last),
			 "trend", forecast_trend_name(f->trend),
			 "per_day", f->per_day,
			 "per_day_low", f->per_day_low,
			 "per_day_high", f->per_day_high,
			 "barrier", hit_json(&barrier),
			 "limit", hit_json(&limit));
	/* clang-format on */
	if (json_object_set_new(arg, outlook->resource->name, json))
		return fail(ENOMEM, "no memory");

	return 0;
}

static int read_outlooks(const struct api_query *query, json_t *resources)
{
	struct series_dir dir = { .fd = -1 };
	struct store store;
	struct meta meta = {};
	int err;

	err = store_open(&store, query->dir);
	if (err)
		return err;
	err = store_find_series(&store, query->container, NULL, &dir, &meta);
	if (!err)
		err = history_forecast(&dir, &meta, NULL, add_outlook,
				       resources);
	series_dir_close(&dir);
	meta_free(&meta);
	store_close(&store);

	return err;
}

int api_forecast(void *arg, FILE *out)
{
	const struct api_query *query = arg;
	json_t *resources = json_object();
	json_t *root;
	int err;

	err = read_outlooks(query, resources);
	root = json_pack("{s:i, s:o, s:I, s:o}", "version", API_VERSION,
			 "container", live_json_text(query->container),
			 "horizon", (json_int_t)HORIZON, "resources",
			 resources);
	if (!err && (!root || json_dumpf(root, out, LIVE_JSON_FLAGS)))
		err = fail(ENOMEM, "no memory");
	json_decref(root);

	return err;
}
