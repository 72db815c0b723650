/* SPDX-License-Identifier: GPL-2.0 */
/* rstat serve: what the server knows, and who may see which part of it. */
#ifndef RSTAT_SERVE_H
#define RSTAT_SERVE_H

#include "http.h"
#include "rank.h"
#include "tokens.h"
#include "verb.h"

#define SERVE_LISTEN	"127.0.0.1:9119"
#define SERVE_EVENTS	1000	/* refusals that are remembered */

struct site {
	const char *dir;	/* the store; it need not exist */
	bool export_all;
	struct tokens tokens;
	bool tokens_bad;	/* said already */

	struct live_source *source;	/* NULL: not loaded */
	char why[256];			/* it is not */
	struct live live;
	struct trend trend;

	/* A ring: event[nr_events % SERVE_EVENTS] is next. */
	struct live_event event[SERVE_EVENTS];
	uint64_t nr_events;
	bool recalled;		/* those of the store are in it */
	uint64_t cursor;
	uint64_t lost;
};

/* What a request may see. */
struct access {
	bool all;
	char container[RESCORE_NAME_LEN];	/* unless all: this one */
	unsigned int owner;	/* tells those apart who share the server */
};

/* api.c: everything but the page's own files. */
void api_handle(struct site *site, const struct access *access,
		struct http_request *request);

/* assets.c: the page; false: none of its files. */
bool asset_reply(struct http_request *request);

/* The verb. */
int serve_run(const struct args *args);

#endif /* RSTAT_SERVE_H */
