/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small HTTP server on libmicrohttpd: one thread, one loop. Requests are
 * answered at once, or by a child process while others are served. Whoever is
 * slow is cut off: a request has to be here, and an answer taken, in time.
 */
#ifndef RSTAT_HTTP_H
#define RSTAT_HTTP_H

#include <stdbool.h>
#include <sys/socket.h>

#include "child.h"

#define HTTP_CONNECTIONS	256
#define HTTP_CONNECTIONS_IP	64	/* of one address */
#define HTTP_MEMORY		16384	/* bytes of a request, head and all */
#define HTTP_STREAMS		4
#define HTTP_HEAD_SECONDS	10	/* from connect or last answer to a request */
#define HTTP_REPLY_SECONDS	60	/* from request to the end of the answer */

struct http_request;

struct http_address {
	struct sockaddr_storage at;
	socklen_t len;
	bool loopback;
};

/* "127.0.0.1:9119", "[::1]:9119", "localhost:0". -EINVAL */
int http_parse_address(const char *text, struct http_address *ret_address);

struct http_options {
	struct http_address address;
	/* Has to answer, or to defer. */
	void (*handle)(void *arg, struct http_request *request);
	/* Called every so many milliseconds, and once before all else. */
	void (*tick)(void *arg);
	int tick_ms;
	void *arg;
};

/* Serves until SIGTERM or SIGINT; prints where it listens. */
int http_run(const struct http_options *options);

/* --- in handle() ----------------------------------------------------------- */

const char *http_path(const struct http_request *request);
/* NULL: not there. */
const char *http_query(const struct http_request *request, const char *key);
const char *http_header(const struct http_request *request, const char *key);

/* How long a browser may keep an answer. */
enum http_cache { HTTP_NO_STORE, HTTP_REVALIDATE };

/* @body is freed when it has been sent; *@body becomes empty. */
void http_reply(struct http_request *request, unsigned int status,
		const char *type, struct blob *body);
/* The same for what is there for ever. */
void http_reply_fixed(struct http_request *request, const char *type,
		      const void *data, size_t len);
/*
 * The same with what @fn puts, in a child, which has everything as it is now;
 * it is never in memory as a whole. No more than HTTP_STREAMS at a time.
 */
typedef int (*http_writer)(void *arg,
			   int (*put)(void *to, const char *data, size_t len),
			   void *to);
void http_reply_stream(struct http_request *request, const char *type,
		       http_writer fn, void *arg);
/* {"error": "…"}; the text is for people. */
void http_error(struct http_request *request, unsigned int status,
		const char *text);

/*
 * Answer with what @fn writes in another process, which has the @size bytes at
 * @arg; @arg is freed afterwards. @owner: see job.h.
 * When it fails: 404 for -ENOENT, else 500; the reason goes to the log.
 */
void http_defer(struct http_request *request, const char *type, child_fn fn,
		void *arg, size_t size, unsigned int owner);

#endif /* RSTAT_HTTP_H */
