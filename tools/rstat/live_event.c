// SPDX-License-Identifier: GPL-2.0
/* Refusals, as the loaded rescore has them in its ring. */
#include <string.h>

#include <librescore.h>

#include "live.h"

int live_rescore_event(const struct rescore *rs, uint64_t *cursor,
		       struct live_event *ret_event, uint64_t *ret_lost)
{
	const struct rescore_container *container;
	const struct rescore_resource *resource;
	struct rescore_event event;
	const char *err;

	if (!rescore_next_event(rs, cursor, &event, ret_lost))
		return 0;
	container = rescore_container(rs, event.slot);
	resource = rescore_resource(rs, event.resource);
	*ret_event = (struct live_event){
		.loaded_ns = (int64_t)rescore_meta(rs)->loaded_ns,
		.seq = *cursor,
		.time_ns = rescore_event_realtime(&event),
		.serial = event.serial,
		.held = event.held,
		.amount = event.amount,
		.bound = event.bound,
		.limit = event.severity != RESCORE_HARD,
		.pid = event.pid,
		.suppressed = event.suppressed,
	};
	snprintf(ret_event->kind, sizeof(ret_event->kind), "%s",
		 rescore_event_kind_name(event.kind));
	memcpy(ret_event->comm, event.comm, sizeof(event.comm));
	/* The slot may be another container's by now. */
	if (container && container->serial == event.serial)
		memcpy(ret_event->container, container->name,
		       sizeof(ret_event->container) - 1);
	if (!resource)
		return 1;
	memcpy(ret_event->resource, resource->name,
	       sizeof(ret_event->resource) - 1);
	ret_event->unit = resource->unit;
	err = resource->err > 0 ? strerrorname_np(resource->err) : NULL;
	if (err)
		snprintf(ret_event->err, sizeof(ret_event->err), "%s", err);

	return 1;
}
