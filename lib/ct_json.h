/* SPDX-License-Identifier: GPL-2.0 */
/* Containers as JSON, in files with a version. */
#ifndef RESCORE_CT_JSON_H
#define RESCORE_CT_JSON_H

#include <jansson.h>
#include <unistd.h>

#include "ct.h"

/* --- ct_json.c --- */
/*
 * Replace the file at @path at once or not at all; for root only. Files begin with
 * "version", which a reader that knows lower ones refuses: -EPROTO.
 */
int ct_write_json(const char *path, const json_t *root);
/* -ENOENT, -EINVAL: it is no JSON; -EPROTO. *@ret is to be released. */
int ct_read_json(const char *path, json_t **ret);

/* --- ct_config.c --- */
json_t *ct_config_json(const struct rescore_ct *ct);
/* @where: the file, for messages. */
int ct_config_parse(const char *where, json_t *root, struct rescore_ct **ret);

/* --- ct_limits.c --- */
/* Bounds and modes of all rows; with @counters held, maxheld and failcnt, too. */
json_t *ct_limits_json(const struct rescore *rs, unsigned int slot,
		       bool counters);
/*
 * Give @slot the bounds and modes of @rows, and those of a new container where they
 * have none. -EOPNOTSUPP: one has a bound that cannot be had here.
 */
int ct_limits_apply(struct rescore *rs, unsigned int slot, const json_t *rows);
/* maxheld and failcnt of @rows, where they have them. */
void ct_counters_apply(struct rescore *rs, unsigned int slot,
		       const json_t *rows);

#endif /* RESCORE_CT_JSON_H */
