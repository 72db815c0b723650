/* SPDX-License-Identifier: GPL-2.0 */
/* The live table as JSON: for `show --json` and for the API, the same words. */
#ifndef RSTAT_LIVE_JSON_H
#define RSTAT_LIVE_JSON_H

#include <jansson.h>

#include "rank.h"

/* Ratios and rates have four digits; flags for json_dump*(). */
#define LIVE_JSON_FLAGS	(JSON_REAL_PRECISION(4) | JSON_COMPACT)

/* "used" is never above it. */
#define LIVE_JSON_USED_MAX 1e6

/* Each returns a new reference, or NULL: no memory. */
json_t *live_json_text(const char *text);	/* null when NULL or "" */
json_t *live_json_number(double value);		/* null when not finite */
json_t *live_json_time(int64_t time_ns);	/* milliseconds since 1970 */

/*
 * "time_ms": since when the rows are known that the kernel counts; null: they are
 * as somebody else has read them last.
 */
json_t *live_json_refreshed(const struct live *live);

/* What there is to count: "name", "unit", "state", "why", "help" … */
json_t *live_json_registry(const struct live *live);

/*
 * A container with the rank it has: "name", "serial", "created", "worst",
 * "used", "rate", "failcnt", and "resources" by name. @trend may be NULL.
 * @all: also rows that are idle.
 */
json_t *live_json_container(const struct live *live, const struct trend *trend,
			    const struct rank *rank, bool all);

/* @tenant: without what only the host's administrator should know (pid). */
json_t *live_json_event(const struct live_event *event, bool tenant);
/* Back again, with "loaded" and "seq" beside it. -EPROTO: it is none. */
int live_json_parse_event(const json_t *json, struct live_event *ret_event);

#endif /* RSTAT_LIVE_JSON_H */
