// SPDX-License-Identifier: GPL-2.0
/* One event as a line and as JSON; the reader of the ring. */
#include <time.h>

#include "event.h"
#include "fake.h"
#include "json.h"
#include "tap.h"

#define WHEN 1795428672345678901LL	/* 2026-11-23 10:11:12 UTC */

static struct rescore_event sample(void)
{
	return (struct rescore_event){
		.seq = 5,
		.serial = 1,
		.held = 128,
		.bound = 128,
		.amount = 1,
		.suppressed = 37,
		.pid = 512,
		.tid = 513,
		.slot = 1,
		.resource = 0,
		.kind = RESCORE_EV_REFUSED,
		.severity = RESCORE_HARD,
		.comm = "stress-ng",
	};
}

static const char *text_of(const struct rescore_event *event,
			   const char *container,
			   const struct rescore_resource *resource)
{
	static char buf[EVENT_TEXT_LEN];
	struct event_view view = { event, container, resource, WHEN };

	return event_text(buf, sizeof(buf), &view);
}

static void test_text(void)
{
	const struct rescore_resource *numproc = &fake_registry[0];
	struct rescore_event e = sample();

	tap_is_text(text_of(&e, "web", numproc),
		    "2026-11-23 10:11:12.345 web numproc refused: "
		    "held 128 + 1 > barrier 128 (EAGAIN), "
		    "pid 512 (stress-ng), 37 more suppressed",
		    "refused");
	e.suppressed = 0;
	e.severity = RESCORE_SOFT;
	e.kind = RESCORE_EV_OBSERVED;
	tap_is_text(text_of(&e, NULL, numproc),
		    "2026-11-23 10:11:12.345 (slot 1) numproc observed: "
		    "held 128 + 1 > limit 128 (would be EAGAIN), "
		    "pid 512 (stress-ng)",
		    "observed, at the limit, in a container that is gone");
	e.kind = RESCORE_EV_NO_PAYER;
	tap_is_text(text_of(&e, "web", numproc),
		    "2026-11-23 10:11:12.345 web numproc no-payer: "
		    "refused, there is no room to record who pays, "
		    "pid 512 (stress-ng)",
		    "no payer");
	e.kind = RESCORE_EV_NO_MEMBER;
	tap_is_text(text_of(&e, "web", NULL),
		    "2026-11-23 10:11:12.345 web - no-member: "
		    "there is no room to record a new cgroup, "
		    "pid 512 (stress-ng)",
		    "no member");
	e.kind = RESCORE_EV_REFUSED;
	tap_is_text(text_of(&e, "web", &fake_registry[1]),
		    "2026-11-23 10:11:12.345 web privvmpages refused: "
		    "held 128 + 1 > limit 128 pages (ENOMEM), "
		    "pid 512 (stress-ng)",
		    "an amount that is no count has its unit");
	e.kind = 99;
	tap_ok(strstr(text_of(&e, "web", NULL), " unknown: "), "unknown kind");
}

/* The container chooses its processes' names. */
static void test_hostile_comm(void)
{
	struct rescore_event e = sample();
	const char *text;

	memcpy(e.comm, "\033]0;x\a\n\r\xff 67890", RESCORE_COMM_LEN);
	text = text_of(&e, "web", &fake_registry[0]);
	tap_ok(strstr(text, "(\\x1b]0;x\\x07\\n\\x0d\\xff 67890)"),
	       "a hostile comm without an end is escaped");
	memset(e.comm, '\001', sizeof(e.comm));
	e.held = INT64_MIN;
	e.amount = INT64_MIN;
	e.bound = INT64_MIN;
	text = text_of(
		&e,
		"name_of_63_bytes_name_of_63_bytes_name_of_63_bytes_name_of_63_b",
		&fake_registry[1]);
	tap_ok(strstr(text, "37 more suppressed"),
	       "the longest line is whole: %zu", strlen(text));
}

static void test_json(void)
{
	struct rescore_event e = sample();
	struct event_view view = { &e, "web", &fake_registry[0], WHEN };
	json_t *json = event_json(&view);
	char *text = json_dumps(json, JSON_COMPACT);

	tap_is_text(
		text,
		"{\"version\":1,\"seq\":5,\"time\":\"2026-11-23T10:11:12.345Z\","
		"\"kind\":\"refused\",\"container\":\"web\",\"slot\":1,\"serial\":1,"
		"\"resource\":\"numproc\",\"unit\":\"count\",\"held\":128,"
		"\"amount\":1,\"bound\":\"barrier\",\"bound_value\":128,"
		"\"errno\":\"EAGAIN\",\"pid\":512,\"tid\":513,"
		"\"comm\":\"stress-ng\",\"suppressed\":37}",
		"an event as JSON");
	free(text);
	json_decref(json);

	memset(e.comm, '\xff', sizeof(e.comm));
	e.bound = RESCORE_UNLIMITED;
	view = (struct event_view){ &e, NULL, NULL, WHEN };
	json = event_json(&view);
	tap_ok(json && json_is_null(json_object_get(json, "container")) &&
		       json_is_null(json_object_get(json, "resource")) &&
		       json_is_null(json_object_get(json, "bound_value")) &&
		       json_string_length(json_object_get(json, "comm")) == 64,
	       "nothing known, and a comm that is no UTF-8");
	json_decref(json);
}

static void write_events(uint64_t from, uint64_t to)
{
	uint64_t i;

	for (i = from; i < to; i++) {
		fake_events[i % FAKE_EVENTS] = sample();
		fake_events[i % FAKE_EVENTS].seq = i + 1;
	}
	fake_meta.event_head = to;
}

static void test_ring(void)
{
	uint64_t cursor = 0, lost = 0;
	struct rescore_event e;

	tap_is_int(rescore_next_event(&fake_rs, &cursor, &e, &lost), 0,
		   "an empty ring");
	write_events(0, 3);
	tap_ok(rescore_next_event(&fake_rs, &cursor, &e, &lost) == 1 &&
		       e.seq == 1 && cursor == 1 && !lost,
	       "the first event");
	write_events(3, 20);
	tap_ok(rescore_next_event(&fake_rs, &cursor, &e, &lost) == 1 &&
		       e.seq == 13 && cursor == 13 && lost == 11,
	       "a reader that was overtaken knows how many it lost");
	fake_events[13 % FAKE_EVENTS].seq = 0;
	tap_ok(rescore_next_event(&fake_rs, &cursor, &e, NULL) == 1 &&
		       e.seq == 15,
	       "an event that stays torn is passed over");
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	test_text();
	test_hostile_comm();
	test_json();
	test_ring();
	return tap_done();
}
