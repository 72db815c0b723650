/* SPDX-License-Identifier: GPL-2.0 */
/* What the API's files share: questions about recorded samples. */
#ifndef RSTAT_API_H
#define RSTAT_API_H

#include <jansson.h>

#include "serve.h"

#define API_VERSION	1

/*
 * One question, complete and checked, for a child. Names are those of the live
 * table: nothing that a client wrote goes any further.
 */
struct api_query {
	const char *dir;
	char container[RESCORE_NAME_LEN];
	char resource[RESCORE_RES_NAME_LEN];	/* "": all */
	int64_t from, to;	/* seconds since 1970 */
	bool until_last;	/* to: the last sample, whenever that was */
	bool at_most;	/* see struct track_query */
	long width, height;
	long forecast;		/* 1: with what will be */
	bool svg;
	bool dark;
};

/* "history", "graph", "forecast"; answers, too, when there is no such thing. */
void api_recorded(const struct site *site, const struct access *access,
		  const struct live_container *container, const char *what,
		  struct http_request *request);

/* In a child: the forecasts of query->container. */
int api_forecast(void *query, FILE *out);

/*
 * "1763942400", "now", "-90m", "-7d": seconds since 1970. -EINVAL. Nothing of
 * what librrd takes beyond that.
 */
int api_parse_time(const char *text, int64_t now, int64_t *ret_time);

/* A number of the query; @value when it is not there. -EINVAL: answered. */
int api_number(struct http_request *request, const char *key, long min,
	       long max, long *value);

/* Send @json and free it; NULL: no memory. */
void api_json(struct http_request *request, json_t *json);

#endif /* RSTAT_API_H */
