// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "escape.h"
#include "live_json.h"
#include "unit.h"

json_t *live_json_text(const char *text)
{
	char buf[512];

	if (!text || !*text)
		return json_null();
	return json_string(escape_utf8(text, buf, sizeof(buf)));
}

json_t *live_json_number(double value)
{
	return isfinite(value) ? json_real(value) : json_null();
}

json_t *live_json_time(int64_t time_ns)
{
	return json_integer((json_int_t)(time_ns / 1000000));
}

json_t *live_json_refreshed(const struct live *live)
{
	if (live_stale(live) == INT64_MAX)
		return json_null();
	return live_json_time(live->time_ns - live_stale(live));
}

static json_t *json_amount(int64_t amount)
{
	return amount == RESCORE_UNLIMITED ? json_null() : json_integer(amount);
}

/* Something held where nothing may be is no number in JSON. */
static json_t *json_used(double used)
{
	return live_json_number(used > LIVE_JSON_USED_MAX ? LIVE_JSON_USED_MAX :
							    used);
}

/* As exact as it is. */
static json_t *json_usage(const struct live_row *row)
{
	if (row->usage == (double)row->held)
		return json_integer((json_int_t)row->held);
	return live_json_number(row->usage);
}

static json_t *json_count(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

static const char *unit_text(unsigned int unit)
{
	const char *name = unit_name(unit);

	return name ? name : "unknown";
}

/* clang-format off: a key and its value, one line */
static json_t *json_resource(const struct live_resource *r)
{
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:b, s:o}",
			 "name", live_json_text(r->name),
			 "unit", unit_text(r->unit),
			 "held_unit", unit_text(r->held_unit),
			 "maxheld_unit", unit_text(r->peak_unit),
			 "controller", live_json_text(r->controller),
			 "state", r->on ? "on" : "off",
			 "why", live_json_text(r->on ? NULL : r->why),
			 "delegated", r->delegated,
			 "help", live_json_text(r->help));
}

static json_t *json_row(const struct live *live, const struct trend *trend,
			const struct live_container *c, unsigned int i)
{
	const struct live_row *row = &c->row[i];

	return json_pack("{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:f, s:s}",
			 "unit", unit_text(live->resource[i].unit),
			 "held", (json_int_t)row->held,
			 "maxheld", (json_int_t)row->maxheld,
			 "barrier", json_amount(row->bounds.barrier),
			 "limit", json_amount(row->bounds.limit),
			 "usage", json_usage(row),
			 "used", json_used(live_used(row)),
			 "failcnt", json_count(row->failcnt),
			 "rate", trend_rate(trend, c, i),
			 "mode", row->observe ? "observe" : "enforce");
}

json_t *live_json_event(const struct live_event *event, bool tenant)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:I, s:I, s:o, "
			 "s:s, s:o, s:o, s:I}",
			 "time_ms", live_json_time(event->time_ns),
			 "container", live_json_text(event->container),
			 "serial", json_count(event->serial),
			 "resource", live_json_text(event->resource),
			 "unit", unit_text(event->unit),
			 "errno", live_json_text(event->err),
			 "kind", event->kind,
			 "held", (json_int_t)event->held,
			 "amount", (json_int_t)event->amount,
			 "bound_value", json_amount(event->bound),
			 "bound", event->limit ? "limit" : "barrier",
			 "pid", tenant ? json_null() :
					 json_integer(event->pid),
			 "comm", live_json_text(event->comm),
			 "suppressed", (json_int_t)event->suppressed);
}
/* clang-format on */

static bool parse_text(const json_t *json, const char *key, char *to,
		       size_t size)
{
	const char *text = json_string_value(json_object_get(json, key));

	snprintf(to, size, "%s", text ? text : "");
	return text || json_is_null(json_object_get(json, key));
}

static bool parse_integer(const json_t *json, const char *key, int64_t *to)
{
	const json_t *value = json_object_get(json, key);

	*to = json_is_integer(value) ? json_integer_value(value) :
				       RESCORE_UNLIMITED;
	return json_is_integer(value) || json_is_null(value);
}

int live_json_parse_event(const json_t *json, struct live_event *ret)
{
	int64_t time_ms, serial, seq, pid, suppressed;
	char unit[16], bound[16];
	bool ok;

	*ret = (struct live_event){};
	ok = parse_text(json, "container", ret->container,
			sizeof(ret->container)) &&
	     parse_text(json, "resource", ret->resource,
			sizeof(ret->resource)) &&
	     parse_text(json, "unit", unit, sizeof(unit)) &&
	     parse_text(json, "errno", ret->err, sizeof(ret->err)) &&
	     parse_text(json, "kind", ret->kind, sizeof(ret->kind)) &&
	     parse_text(json, "bound", bound, sizeof(bound)) &&
	     parse_text(json, "comm", ret->comm, sizeof(ret->comm)) &&
	     parse_integer(json, "loaded", &ret->loaded_ns) &&
	     parse_integer(json, "seq", &seq) &&
	     parse_integer(json, "time_ms", &time_ms) &&
	     parse_integer(json, "serial", &serial) &&
	     parse_integer(json, "held", &ret->held) &&
	     parse_integer(json, "amount", &ret->amount) &&
	     parse_integer(json, "bound_value", &ret->bound) &&
	     parse_integer(json, "pid", &pid) &&
	     parse_integer(json, "suppressed", &suppressed);
	if (!ok || time_ms < 0 || time_ms > INT64_MAX / 1000000)
		return -EPROTO;
	ret->time_ns = time_ms * 1000000;
	ret->serial = (uint64_t)serial;
	ret->seq = (uint64_t)seq;
	ret->pid = (unsigned int)pid;
	ret->suppressed = (unsigned int)suppressed;
	ret->limit = !strcmp(bound, "limit");
	/* A unit of tomorrow is a number without one. */
	ret->unit = unit_find(unit) < 0 ? RESCORE_COUNT :
					  (unsigned int)unit_find(unit);

	return 0;
}

json_t *live_json_registry(const struct live *live)
{
	json_t *array = json_array();

	for (unsigned int i = 0; array && i < live->nr_resources; i++)
		if (json_array_append_new(array,
					  json_resource(&live->resource[i]))) {
			json_decref(array);
			return NULL;
		}
	return array;
}

static json_t *json_rows(const struct live *live, const struct trend *trend,
			 const struct live_container *c, bool all)
{
	json_t *rows = json_object();
	char name[64];

	for (unsigned int i = 0; rows && i < live->nr_resources; i++) {
		if (!c->row[i].known || (!all && live_idle(&c->row[i])))
			continue;
		escape_utf8(live->resource[i].name, name, sizeof(name));
		if (json_object_set_new(rows, name,
					json_row(live, trend, c, i))) {
			json_decref(rows);
			return NULL;
		}
	}
	return rows;
}

json_t *live_json_container(const struct live *live, const struct trend *trend,
			    const struct rank *rank, bool all)
{
	const struct live_container *c = rank->container;
	const char *worst = rank->resource < 0 ?
				    NULL :
				    live->resource[rank->resource].name;

	/* clang-format off */
	return json_pack("{s:o, s:o, s:I, s:o, s:o, s:f, s:o, s:o}",
			 "name", live_json_text(c->id.name),
			 "serial", json_count(c->id.serial),
			 "created", (json_int_t)c->id.created,
			 "worst", live_json_text(worst),
			 "used", json_used(rank->used),
			 "rate", rank->rate,
			 "failcnt", json_count(rank->failcnt),
			 "resources", json_rows(live, trend, c, all));
	/* clang-format on */
}
