/* SPDX-License-Identifier: GPL-2.0 */
/* What http.c and http_loop.c share. */
#ifndef RSTAT_HTTP_INTERNAL_H
#define RSTAT_HTTP_INTERNAL_H

#include <microhttpd.h>

#include "http.h"
#include "job.h"

/* Renamed in later versions. */
#ifndef MHD_HTTP_CONTENT_TOO_LARGE
#define MHD_HTTP_CONTENT_TOO_LARGE 413
#endif

#define HTTP_JSON "application/json"

struct http_server {
	const struct http_options *options;
	struct MHD_Daemon *daemon;
	struct jobs jobs;
	struct http_connection *connections;
	struct http_stream *streams;
	unsigned int nr_streams;
};

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection;
	const char *path;	/* lives as long as the request */

	bool answered;
	bool suspended;		/* a job will answer */
	const char *deferred_type;
	unsigned int status;
	const char *type;
	enum http_cache cache;
	struct blob body;
	const void *fixed;	/* instead of body */
	size_t fixed_len;
	struct http_stream *stream;	/* the same */
};

enum MHD_Result http_access(void *arg, struct MHD_Connection *connection,
			    const char *url, const char *method,
			    const char *version, const char *upload_data,
			    size_t *upload_size, void **context);
void http_completed(void *arg, struct MHD_Connection *connection,
		    void **context, enum MHD_RequestTerminationCode code);

/* The clock of the connection: a request is here; its answer is through. */
void http_head_arrived(struct MHD_Connection *connection);
void http_reply_done(struct MHD_Connection *connection);

/* NULL: there are too many, or it failed and was said. */
struct http_stream *http_stream_start(struct http_request *request, bool zipped,
				      http_writer fn, void *arg);
/* The response frees the stream. */
struct MHD_Response *http_stream_response(struct http_stream *stream,
					  bool *ret_zipped);
void http_stream_free(void *stream);
/* What to wait for; returns how many of HTTP_STREAMS. */
unsigned int http_streams_poll(const struct http_server *server,
			       struct pollfd *ret_fds);
/* Go on with those that have something; @all: with all, to end them. */
void http_streams_run(struct http_server *server, bool all);

#endif /* RSTAT_HTTP_INTERNAL_H */
