// SPDX-License-Identifier: GPL-2.0
#include <string.h>

#include "event.h"
#include "json.h"
#include "text.h"

#define AMOUNT_LEN	24
/* The least a comm takes when every byte of it is escaped. */
#define COMM_LEN	(4 * RESCORE_COMM_LEN + 1)

static const char *bound_name(const struct rescore_event *event)
{
	return event->severity == RESCORE_HARD ? "barrier" : "limit";
}

/* "held 128 + 1 > barrier 128 (ENFILE)" */
static void describe_bound(char *buf, size_t size,
			   const struct event_view *view)
{
	const struct rescore_event *event = view->event;
	unsigned int unit = view->resource ? view->resource->unit :
					     RESCORE_COUNT;
	const char *err = view->resource ? errno_name(view->resource->err) :
					   NULL;
	char held[AMOUNT_LEN], amount[AMOUNT_LEN], bound[AMOUNT_LEN];

	/* All digits: it is the last one that made the difference. */
	rescore_format_amount(event->held, unit, true, held, sizeof(held));
	rescore_format_amount(event->amount, unit, true, amount,
			      sizeof(amount));
	rescore_format_amount(event->bound, unit, true, bound, sizeof(bound));
	snprintf(buf, size, "held %s + %s > %s %s%s%s%s%s%s%s", held, amount,
		 bound_name(event), bound, unit == RESCORE_COUNT ? "" : " ",
		 unit == RESCORE_COUNT ? "" : rescore_unit_name(unit),
		 err ? " (" : "",
		 err && event->kind == RESCORE_EV_OBSERVED ? "would be " : "",
		 err ? err : "", err ? ")" : "");
}

static void describe(char *buf, size_t size, const struct event_view *view)
{
	switch (view->event->kind) {
	case RESCORE_EV_NO_PAYER:
		snprintf(buf, size,
			 "refused, there is no room to record who pays");
		break;
	case RESCORE_EV_NO_MEMBER:
		snprintf(buf, size, "there is no room to record a new cgroup");
		break;
	default:
		describe_bound(buf, size, view);
	}
}

char *event_text(char *buf, size_t size, const struct event_view *view)
{
	const struct rescore_event *event = view->event;
	char time[TIME_LEN], gone[32], what[160], comm[COMM_LEN], more[48] = "";

	snprintf(gone, sizeof(gone), "(slot %u)", event->slot);
	describe(what, sizeof(what), view);
	escape(comm, sizeof(comm), event->comm,
	       strnlen(event->comm, sizeof(event->comm)));
	if (event->suppressed)
		snprintf(more, sizeof(more), ", %u more suppressed",
			 event->suppressed);
	snprintf(buf, size, "%s %s %s %s: %s, pid %u (%s)%s",
		 local_time(time, sizeof(time), view->realtime_ns),
		 view->container ? view->container : gone,
		 view->resource ? view->resource->name : "-",
		 rescore_event_kind_name(event->kind), what, event->pid, comm,
		 more);
	return buf;
}

/* clang-format off: a key and its value, one line */
json_t *event_json(const struct event_view *view)
{
	const struct rescore_event *event = view->event;
	const struct rescore_resource *resource = view->resource;
	char comm[RESCORE_COMM_LEN + 1] = "";

	/* It fills its array when it is long. */
	memcpy(comm, event->comm, sizeof(event->comm));
	return json_pack("{s:i, s:o, s:o, s:s, s:o, s:i, s:o, s:o, s:o, s:o, "
			 "s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}",
			 "version", JSON_VERSION,
			 "seq", json_count(event->seq),
			 "time", json_time(view->realtime_ns),
			 "kind", rescore_event_kind_name(event->kind),
			 "container", json_text(view->container),
			 "slot", (int)event->slot,
			 "serial", json_count(event->serial),
			 "resource", json_text(resource ? resource->name :
							  NULL),
			 "unit", json_text(resource ?
					rescore_unit_name(resource->unit) :
					NULL),
			 "held", json_integer(event->held),
			 "amount", json_integer(event->amount),
			 "bound", bound_name(event),
			 "bound_value", json_amount(event->bound),
			 "errno", json_text(resource ?
					errno_name(resource->err) : NULL),
			 "pid", json_count(event->pid),
			 "tid", json_count(event->tid),
			 "comm", json_text(comm),
			 "suppressed", json_count(event->suppressed));
}
/* clang-format on */
