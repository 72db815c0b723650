// SPDX-License-Identifier: GPL-2.0
#include <math.h>

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
	return json_pack("{s:o, s:s, s:s, s:s, s:o, s:s, s:o, s:o}",
			 "name", live_json_text(r->name),
			 "unit", unit_text(r->unit),
			 "held_unit", unit_text(r->held_unit),
			 "maxheld_unit", unit_text(r->peak_unit),
			 "controller", live_json_text(r->controller),
			 "state", r->on ? "on" : "off",
			 "why", live_json_text(r->on ? NULL : r->why),
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
