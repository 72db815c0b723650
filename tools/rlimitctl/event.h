/* SPDX-License-Identifier: GPL-2.0 */
/* One event, for people and for programs. */
#ifndef RLIMITCTL_EVENT_H
#define RLIMITCTL_EVENT_H

#include <jansson.h>

#include "librescore.h"

struct event_view {
	const struct rescore_event *event;
	const char *container;		/* NULL: it is gone */
	const struct rescore_resource *resource;	/* NULL: unknown */
	int64_t realtime_ns;
};

#define EVENT_TEXT_LEN 512
/* A line without its end; what the refused process calls itself is escaped. */
char *event_text(char *buf, size_t size, const struct event_view *view);
json_t *event_json(const struct event_view *view);

#endif /* RLIMITCTL_EVENT_H */
