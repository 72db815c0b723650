// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "event.h"
#include "json.h"
#include "rlimitctl.h"

#define POLL_MS		100
#define CHECK_POLLS	10	/* polls between looks whether it is loaded */

struct stream {
	struct rescore *rs;
	uint64_t cursor;
	uint64_t lost;		/* not yet told */
	unsigned int slot;	/* of the only container; 0 = all */
	uint64_t serial;
	int resource;		/* id of the only resource; -1 = all */
	bool json;
};

/* The newest events, when only so many are wanted. */
struct tail {
	struct rescore_event *events;
	size_t room, n, next;
};

static volatile sig_atomic_t stopped;

static void stop(int sig)
{
	(void)sig;
	stopped = 1;
}

static bool matches(const struct stream *stream,
		    const struct rescore_event *event)
{
	if (stream->slot &&
	    (event->slot != stream->slot || event->serial != stream->serial))
		return false;
	return stream->resource < 0 || event->resource == stream->resource;
}

static int print_event(const struct stream *stream,
		       const struct rescore_event *event)
{
	const struct rescore_container *container =
		rescore_container(stream->rs, event->slot);
	struct event_view view = {
		.event = event,
		.resource = rescore_resource(stream->rs, event->resource),
		.realtime_ns = rescore_event_realtime(event),
	};
	char text[EVENT_TEXT_LEN];

	/* The slot may be another container's by now. */
	if (container && container->serial == event->serial)
		view.container = container->name;
	if (stream->json)
		return print_json_line(event_json(&view));
	puts(event_text(text, sizeof(text), &view));
	return 0;
}

static int print_lost(struct stream *stream)
{
	uint64_t lost = stream->lost;

	stream->lost = 0;
	if (!lost)
		return 0;
	if (stream->json)
		return print_json_line(json_pack("{s:i, s:o}",
						 "version", JSON_VERSION,
						 "lost", json_count(lost)));
	printf("-- %llu event%s lost: overwritten before they were read\n",
	       (unsigned long long)lost, lost == 1 ? "" : "s");
	return 0;
}

/* Print what there is, up to event number @head. */
static int drain(struct stream *stream, uint64_t head)
{
	struct rescore_event event;
	int status = 0;

	while (!status && !stopped && !ferror(stdout) &&
	       stream->cursor < head &&
	       rescore_next_event(stream->rs, &stream->cursor, &event,
				  &stream->lost) > 0) {
		status = print_lost(stream);
		if (!status && matches(stream, &event))
			status = print_event(stream, &event);
	}
	return status ? status : print_lost(stream);
}

/* Print the last @count of what there is now. */
static int print_tail(struct stream *stream, uint64_t count, uint64_t head)
{
	struct tail tail = { .room = count };
	struct rescore_event event;
	int status = 0;
	size_t i;

	tail.events = calloc(tail.room + 1, sizeof(*tail.events));
	if (!tail.events)
		return out_of_memory();
	while (stream->cursor < head &&
	       rescore_next_event(stream->rs, &stream->cursor, &event, NULL) >
		       0) {
		if (!tail.room || !matches(stream, &event))
			continue;
		tail.events[tail.next] = event;
		tail.next = (tail.next + 1) % tail.room;
		if (tail.n < tail.room)
			tail.n++;
	}
	for (i = 0; !status && i < tail.n; i++)
		status = print_event(stream,
				     &tail.events[(tail.next + tail.room -
						   tail.n + i) %
						  tail.room]);
	free(tail.events);
	return status;
}

/* Are these programs the ones that are loaded now? */
static bool still_loaded(const struct stream *stream)
{
	struct rescore *now;
	bool same;

	if (rescore_open(&now, true))
		return false;
	same = rescore_meta(now)->loaded_ns ==
	       rescore_meta(stream->rs)->loaded_ns;
	rescore_close(now);
	return same;
}

static int follow(struct stream *stream)
{
	/* Asks for nothing: poll() reports the reader's end all the same. */
	struct pollfd out = { .fd = STDOUT_FILENO };
	struct sigaction action = { .sa_handler = stop };
	unsigned int polls = 0;
	int status;

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	for (;;) {
		status = drain(stream, UINT64_MAX);
		if (status || stopped || fflush(stdout))
			return status;
		if (poll(&out, 1, POLL_MS) > 0 &&
		    (out.revents & (POLLERR | POLLHUP | POLLNVAL)))
			return STATUS_OK;
		if (++polls % CHECK_POLLS == 0 && !still_loaded(stream))
			return fail(
				"rescore has been unloaded: there will be no more events");
	}
}

static int choose(const struct invocation *inv, struct stream *stream)
{
	const char *container = inv->option[OPT_CONTAINER];
	const char *resource = inv->option[OPT_RESOURCE];
	const struct rescore_container *found;
	unsigned int id;
	int status;

	if (container) {
		status = find_container(stream->rs, container, &stream->slot);
		if (status)
			return status;
		found = rescore_container(stream->rs, stream->slot);
		if (!found)
			return fail("\"%s\" has just gone", container);
		stream->serial = found->serial;
	}
	if (resource) {
		status = find_resource(stream->rs, resource, &id);
		if (status)
			return status;
		stream->resource = (int)id;
	}
	return 0;
}

static int run(const struct invocation *inv, struct stream *stream)
{
	const struct rescore_meta *meta = rescore_meta(stream->rs);
	/* Written meanwhile: the next call's, or this would never end. */
	uint64_t head = meta->event_head, count = meta->nr_events;
	int status;

	status = number_option(inv, OPT_COUNT, 0, RESCORE_BOUND_MAX, &count);
	if (!status)
		status = choose(inv, stream);
	if (status)
		return status;
	if (count > meta->nr_events)
		count = meta->nr_events;
	if (inv->option[OPT_COUNT])
		status = print_tail(stream, count, head);
	else
		status = drain(stream, head);
	if (!status && inv->option[OPT_FOLLOW])
		status = follow(stream);
	return status;
}

int cmd_events(const struct invocation *inv)
{
	struct stream stream = {
		.json = inv->option[OPT_JSON],
		.resource = -1,
	};
	int status;

	status = open_session(inv, true, &stream.rs);
	if (status)
		return status;
	status = run(inv, &stream);
	rescore_close(stream.rs);
	return status;
}
