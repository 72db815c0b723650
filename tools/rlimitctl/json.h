/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON documents. Every one has "version": JSON_VERSION first, which changes
 * only when a key changes its meaning or goes; keys may be added. Functions
 * return NULL when memory is out, which json_pack() passes on.
 */
#ifndef RLIMITCTL_JSON_H
#define RLIMITCTL_JSON_H

#include <jansson.h>

#include "librescore.h"

#define JSON_VERSION 1

/* An amount: an integer, or null for unlimited. */
json_t *json_amount(int64_t amount);
/* A count; what is above 2^63-1 is that. */
json_t *json_count(uint64_t count);
/* Text that need not be UTF-8, or null for NULL and for "". */
json_t *json_text(const char *text);
/* A time in UTC, or null for 0. */
json_t *json_time(int64_t realtime_ns);

/* One row of `show`. */
json_t *json_line(const struct rescore_resource *resource,
		  const struct rescore_line *line);
/* The value of a figure, in its unit. */
json_t *json_figure(const struct rescore_figure *figure, int64_t value);
/* One row of `resources`. */
json_t *json_resource(const struct rescore_resource *resource);
/* What every list of containers says of one. */
json_t *json_container(const struct rescore *rs, unsigned int slot,
		       const struct rescore_container *c);

/* Name of an errno, NULL for 0 and for what has none. */
const char *errno_name(int err);

/* Print @document, which is taken over; NULL is an error, said. A status. */
int print_json(json_t *document);
/* The same on one line. */
int print_json_line(json_t *document);

#endif /* RLIMITCTL_JSON_H */
