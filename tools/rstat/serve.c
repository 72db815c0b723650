// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "events.h"
#include "privilege.h"
#include "say.h"
#include "serve.h"

#define TICK_MS		2000

/* --- what is known -------------------------------------------------------- */

static int keep_event(void *arg, const struct live_event *event)
{
	struct site *site = arg;

	site->event[site->nr_events++ % SERVE_EVENTS] = *event;
	if (event->loaded_ns == site->live.loaded_ns &&
	    event->seq > site->cursor)
		site->cursor = event->seq;
	return 0;
}

/* What the collector has kept, of times before the kernel's ring begins. */
static void recall_events(struct site *site)
{
	int dir = open(site->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct events_gaps gaps;

	if (dir < 0)
		return;
	if (events_each(dir, keep_event, site, &gaps))
		say("serve: %s", failure());
	close(dir);
}

static void read_events(struct site *site)
{
	struct live_event event;

	while (site->source->event(site->source, &site->cursor, &event,
				   &site->lost) > 0)
		site->event[site->nr_events++ % SERVE_EVENTS] = event;
}

static void not_loaded(struct site *site)
{
	live_empty(&site->live);
	snprintf(site->why, sizeof(site->why), "%s", failure());
}

/* Every two seconds; between two of them everybody sees the same. */
static void tick(void *arg)
{
	struct site *site = arg;
	int64_t loaded = site->live.loaded_ns;

	if (!site->source && live_open(&site->source)) {
		site->source = NULL;
		not_loaded(site);
		return;
	}
	if (site->source->read(site->source, &site->live)) {
		site->source->close(site->source);
		site->source = NULL;
		not_loaded(site);
		return;
	}
	site->why[0] = '\0';
	if (loaded != site->live.loaded_ns)
		site->cursor = 0;	/* another ring */
	if (!site->recalled)
		recall_events(site);
	site->recalled = true;
	if (trend_add(&site->trend, &site->live))
		say("serve: %s", failure());
	read_events(site);
}

/* --- who may see it -------------------------------------------------------- */

/*
 * Without tokens everybody who can connect sees everything; that is why the
 * server is then on loopback only. But a page from elsewhere could have its name
 * point to 127.0.0.1 and read us with the browser of somebody who can connect.
 * Such a request says that name; ours say an address.
 */
static bool is_own_host(const char *host)
{
	size_t len = host ? strcspn(host, ":") : 0;

	if (!host)
		return true;	/* HTTP 1.0: no browser */
	if (host[0] == '[')
		return true;	/* an IPv6 address */
	if (len == 9 && !strncasecmp(host, "localhost", 9))
		return true;
	return strspn(host, "0123456789.") == len && len;
}

static const char *bearer(const struct http_request *request)
{
	const char *value = http_header(request, "Authorization");

	if (!value || strncasecmp(value, "Bearer ", 7))
		return NULL;
	value += 7;
	while (*value == ' ')
		value++;
	return value;
}

static bool find_access(struct site *site, struct http_request *request,
			struct access *ret)
{
	const struct token *token;
	const char *secret = bearer(request);

	*ret = (struct access){ .all = true };
	if (!site->tokens.path) {
		if (is_own_host(http_header(request, "Host")))
			return true;
		http_error(request, 403,
			   "call this server by its address, or localhost");
		return false;
	}
	if (tokens_update(&site->tokens)) {
		if (!site->tokens_bad)
			say("serve: %s", failure());
		site->tokens_bad = true;
	} else {
		site->tokens_bad = false;
	}
	token = secret ? tokens_find(&site->tokens, secret) : NULL;
	if (!token) {
		http_error(request, 401,
			   secret ? "this token is not known" : "give a token");
		return false;
	}
	ret->all = !strcmp(token->container, TOKENS_ALL);
	ret->owner = (unsigned int)(token - site->tokens.token) + 1;
	if (!ret->all)
		memcpy(ret->container, token->container,
		       sizeof(ret->container));

	return true;
}

static void handle(void *arg, struct http_request *request)
{
	struct site *site = arg;
	struct access access;

	/* The page is the same for everybody; what it shows is not. */
	if (asset_reply(request))
		return;
	if (find_access(site, request, &access))
		api_handle(site, &access, request);
}

/* --- the verb ---------------------------------------------------------------- */

static int serve(const struct args *args, struct site *site)
{
	struct http_options options = {
		.handle = handle,
		.tick = tick,
		.tick_ms = TICK_MS,
		.arg = site,
	};
	int err;

	err = http_parse_address(args->listen ? args->listen : SERVE_LISTEN,
				 &options.address);
	if (err)
		return err;
	if (!options.address.loopback && !args->tokens)
		return fail(EPERM,
			    "--listen '%s': others can connect there, so give "
			    "--tokens FILE; see rstat help token",
			    args->listen);
	err = tokens_update(&site->tokens);
	if (err)
		return err;
	/* Nothing here needs one once it runs. */
	privilege_drop();

	return http_run(&options);
}

int serve_run(const struct args *args)
{
	struct site *site = calloc(1, sizeof(*site));
	int err;

	if (!site) {
		say("no memory");
		return RSTAT_FAILED;
	}
	site->dir = args->dir;
	site->export_all = args->all;
	site->tokens.path = args->tokens;
	err = serve(args, site);
	if (err)
		say("%s", failure());
	if (site->source)
		site->source->close(site->source);
	live_free(&site->live);
	trend_free(&site->trend);
	tokens_free(&site->tokens);
	free(site);

	return err ? RSTAT_FAILED : RSTAT_OK;
}
