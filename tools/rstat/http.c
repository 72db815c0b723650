// SPDX-License-Identifier: GPL-2.0
/* Requests and answers; http_loop.c waits for them. */
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http_internal.h"
#include "say.h"

#define ZIP_MIN		1024	/* bytes; less is not worth it */

/* Nothing is loaded from elsewhere, nothing can frame us, nothing is guessed. */
static const char *const security_headers[][2] = {
	{ "Content-Security-Policy",
	  "default-src 'none'; script-src 'self'; style-src 'self'; "
	  "img-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
	  "form-action 'none'; frame-ancestors 'none'" },
	{ "X-Content-Type-Options", "nosniff" },
	{ "X-Frame-Options", "DENY" },
	{ "Referrer-Policy", "no-referrer" },
	{ "Cross-Origin-Resource-Policy", "same-origin" },
	{ "Cross-Origin-Opener-Policy", "same-origin" },
	{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
};

const char *http_path(const struct http_request *request)
{
	return request->path;
}

const char *http_query(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection,
					   MHD_GET_ARGUMENT_KIND, key);
}

const char *http_header(const struct http_request *request, const char *key)
{
	return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
					   key);
}

static void set_reply(struct http_request *request, unsigned int status,
		      const char *type, enum http_cache cache)
{
	request->answered = true;
	request->status = status;
	request->type = type;
	request->cache = cache;
}

void http_reply(struct http_request *request, unsigned int status,
		const char *type, struct blob *body)
{
	set_reply(request, status, type, HTTP_NO_STORE);
	request->body = *body;
	*body = (struct blob){};
}

void http_reply_fixed(struct http_request *request, const char *type,
		      const void *data, size_t len)
{
	set_reply(request, MHD_HTTP_OK, type, HTTP_REVALIDATE);
	request->fixed = data;
	request->fixed_len = len;
}

void http_error(struct http_request *request, unsigned int status,
		const char *text)
{
	json_t *json = json_pack("{s:s}", "error", text);
	struct blob body = {};

	body.data = json ? json_dumps(json, JSON_COMPACT) : NULL;
	body.len = body.data ? strlen(body.data) : 0;
	json_decref(json);
	http_reply(request, status, HTTP_JSON, &body);
}

/* --- later ------------------------------------------------------------------ */

static void deferred(void *arg, int err, struct blob *result)
{
	struct http_request *request = arg;

	request->suspended = false;
	if (!err) {
		http_reply(request, MHD_HTTP_OK, request->deferred_type,
			   result);
	} else if (err == -ENOENT) {
		http_error(request, MHD_HTTP_NOT_FOUND,
			   "nothing is recorded of it");
	} else {
		if (err != -ECANCELED)
			say("serve: %s", failure());
		http_error(request, MHD_HTTP_INTERNAL_SERVER_ERROR,
			   "this failed; the log says why");
	}
	MHD_resume_connection(request->connection);
}

void http_defer(struct http_request *request, const char *type, child_fn fn,
		void *arg, size_t size, unsigned int owner)
{
	struct job job = {
		.fn = fn,
		.arg = arg,
		.size = size,
		.owner = owner,
		.done = deferred,
		.done_arg = request,
	};

	if (job_start(&request->server->jobs, &job)) {
		free(arg);
		http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, failure());
		return;
	}
	request->deferred_type = type;
	request->suspended = true;
	MHD_suspend_connection(request->connection);
}

/* --- sending ------------------------------------------------------------------- */

/* "br, gzip;q=0.5": is there a gzip that is not refused? */
static bool accepts_gzip(const struct http_request *request)
{
	const char *accepted = http_header(request, "Accept-Encoding");
	const char *gzip = accepted ? strstr(accepted, "gzip") : NULL;

	return gzip && strncmp(gzip + 4, ";q=0", 4) != 0;
}

static bool is_text(const char *type)
{
	return strncmp(type, "image/png", 9) != 0;
}

/* False: it stays as it was. */
static bool zip(const void *data, size_t len, struct blob *ret)
{
	z_stream z = {};
	struct blob out = {};
	bool done;

	/* 15 + 16: a window of 32 KiB and gzip's own header. */
	if (deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) !=
	    Z_OK)
		return false;
	out.len = deflateBound(&z, len);
	out.data = malloc(out.len);
	z.next_in = (Bytef *)data;
	z.avail_in = (uInt)len;
	z.next_out = (Bytef *)out.data;
	z.avail_out = (uInt)out.len;
	done = out.data && deflate(&z, Z_FINISH) == Z_STREAM_END;
	out.len = z.total_out;
	deflateEnd(&z);
	if (!done) {
		blob_free(&out);
		return false;
	}
	*ret = out;

	return true;
}

void http_reply_stream(struct http_request *request, const char *type,
		       http_writer fn, void *arg)
{
	request->stream = http_stream_start(request, accepts_gzip(request), fn,
					    arg);
	if (request->stream)
		set_reply(request, MHD_HTTP_OK, type, HTTP_NO_STORE);
	else
		http_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
			   "too much to send at once");
}

static struct MHD_Response *make_response(struct http_request *request,
					  bool *ret_zipped)
{
	struct MHD_Response *response;
	struct blob *body = &request->body;
	struct blob zipped;

	*ret_zipped = false;
	if (request->stream) {
		response = http_stream_response(request->stream, ret_zipped);
		if (!response)
			http_stream_free(request->stream);
		request->stream = NULL;
		return response;
	}
	if (request->fixed)
		return MHD_create_response_from_buffer(request->fixed_len,
						       (void *)request->fixed,
						       MHD_RESPMEM_PERSISTENT);
	if (body->len >= ZIP_MIN && is_text(request->type) &&
	    accepts_gzip(request) && zip(body->data, body->len, &zipped)) {
		blob_free(body);
		*body = zipped;
		*ret_zipped = true;
	}
	response = MHD_create_response_from_buffer(body->len, body->data,
						   MHD_RESPMEM_MUST_FREE);
	if (response)
		*body = (struct blob){};

	return response;
}

static enum MHD_Result send_reply(struct http_request *request)
{
	struct MHD_Response *response;
	enum MHD_Result result;
	bool zipped;

	response = make_response(request, &zipped);
	if (!response)
		return MHD_NO;	/* no memory: the connection is closed */
	for (size_t i = 0;
	     i < sizeof(security_headers) / sizeof(security_headers[0]); i++)
		MHD_add_response_header(response, security_headers[i][0],
					security_headers[i][1]);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE,
				request->type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL,
				request->cache == HTTP_NO_STORE ? "no-store" :
								  "no-cache");
	MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
				"Accept, Accept-Encoding, Authorization");
	if (zipped)
		MHD_add_response_header(response,
					MHD_HTTP_HEADER_CONTENT_ENCODING,
					"gzip");
	if (request->status == MHD_HTTP_UNAUTHORIZED)
		MHD_add_response_header(response,
					MHD_HTTP_HEADER_WWW_AUTHENTICATE,
					"Bearer realm=\"rstat\"");
	if (request->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
					"GET, HEAD");
	if (request->status == MHD_HTTP_SERVICE_UNAVAILABLE)
		MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER,
					"2");
	result = MHD_queue_response(request->connection, request->status,
				    response);
	MHD_destroy_response(response);

	return result;
}

/* --- libmicrohttpd's side --------------------------------------------------------- */

static struct http_request *new_request(struct http_server *server,
					struct MHD_Connection *connection,
					const char *path)
{
	struct http_request *request = calloc(1, sizeof(*request));

	if (!request)
		return NULL;
	request->server = server;
	request->connection = connection;
	request->path = path;

	return request;
}

static bool has_body(const struct http_request *request)
{
	const char *length = http_header(request, "Content-Length");

	return (length && strcmp(length, "0")) ||
	       http_header(request, "Transfer-Encoding");
}

/* The head is here. True: answered; what has a body is, before it comes. */
static bool refuse(struct http_request *request, const char *method)
{
	if (strcmp(method, MHD_HTTP_METHOD_GET) &&
	    strcmp(method, MHD_HTTP_METHOD_HEAD))
		http_error(request, MHD_HTTP_METHOD_NOT_ALLOWED,
			   "only GET and HEAD");
	else if (has_body(request))
		http_error(request, MHD_HTTP_CONTENT_TOO_LARGE,
			   "a request has no body here");
	return request->answered;
}

enum MHD_Result http_access(void *arg, struct MHD_Connection *connection,
			    const char *url, const char *method,
			    const char *version, const char *upload_data,
			    size_t *upload_size, void **context)
{
	struct http_server *server = arg;
	struct http_request *request = *context;

	(void)version;
	(void)upload_data;
	if (!request) {
		request = new_request(server, connection, url);
		if (!request)
			return MHD_NO;
		*context = request;
		http_head_arrived(connection);
		return refuse(request, method) ? send_reply(request) : MHD_YES;
	}
	if (*upload_size)
		return MHD_NO;
	if (!request->answered)
		server->options->handle(server->options->arg, request);
	if (request->suspended)
		return MHD_YES;

	return send_reply(request);
}

void http_completed(void *arg, struct MHD_Connection *connection,
		    void **context, enum MHD_RequestTerminationCode code)
{
	struct http_request *request = *context;

	(void)arg;
	(void)code;
	http_reply_done(connection);
	if (!request)
		return;
	blob_free(&request->body);
	free(request);
	*context = NULL;
}
