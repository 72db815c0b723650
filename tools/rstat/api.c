// SPDX-License-Identifier: GPL-2.0
/*
 * /metrics and /api/v1/: the table as it is now. Every answer goes through
 * visible() or shows(): a tenant's token never gets further than its container.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "live_json.h"
#include "api.h"
#include "metrics.h"
#include "say.h"
#include "source.h"

#define PREFIX		"/api/v1/"
#define LIST_DEFAULT	100	/* containers in one answer */
#define LIST_MAX	1000

/* --- common -------------------------------------------------------------------- */

static bool shows(const struct access *access, const char *container)
{
	return access->all || !strcmp(access->container, container);
}

void api_json(struct http_request *request, json_t *json)
{
	struct blob body = {};

	body.data = json ? json_dumps(json, LIVE_JSON_FLAGS) : NULL;
	json_decref(json);
	if (!body.data) {
		http_error(request, 500, "no memory");
		return;
	}
	body.len = strlen(body.data);
	http_reply(request, 200, "application/json", &body);
}

int api_number(struct http_request *request, const char *key, long min,
	       long max, long *value)
{
	const char *text = http_query(request, key);
	char message[96], *end;
	long number;

	if (!text)
		return 0;
	errno = 0;
	number = strtol(text, &end, 10);
	if (!errno && end != text && !*end && number >= min && number <= max) {
		*value = number;
		return 0;
	}
	snprintf(message, sizeof(message),
		 "%s is a whole number from %ld to %ld", key, min, max);
	http_error(request, 400, message);

	return -EINVAL;
}

/* The container of that name, if the request may know of it. */
static const struct live_container *
visible(const struct site *site, const struct access *access, const char *name)
{
	return shows(access, name) ? live_find(&site->live, name) : NULL;
}

/* Ranks of what may be seen, in order; the caller frees them. */
static int rank_visible(const struct site *site, const struct access *access,
			int resource, enum rank_order order, const char *filter,
			struct rank **ret_rank, size_t *ret_nr)
{
	size_t nr, kept = 0;
	struct rank *rank;
	int err;

	err = rank_all(&site->live, &site->trend, resource, order, filter,
		       &rank, &nr);
	if (err)
		return err;
	for (size_t i = 0; i < nr; i++)
		if (shows(access, rank[i].container->id.name))
			rank[kept++] = rank[i];
	*ret_rank = rank;
	*ret_nr = kept;

	return 0;
}

/* --- the documents -------------------------------------------------------------- */

static void reply_status(const struct site *site, const struct access *access,
			 struct http_request *request)
{
	json_t *json;

	/* clang-format off */
	json = json_pack("{s:i, s:s, s:o, s:b, s:o, s:o, s:o}",
			 "version", API_VERSION,
			 "rstat", rescore_source_version(),
			 "time_ms", live_json_time(site->live.time_ns ?
						   site->live.time_ns :
						   live_now_ns()),
			 "loaded", site->source != NULL,
			 "why", live_json_text(access->all ? site->why : NULL),
			 "container", access->all ? json_null() :
					live_json_text(access->container),
			 "containers", access->all ?
					json_integer((json_int_t)site->live.nr) :
					json_null());
	/* clang-format on */
	api_json(request, json);
}

static json_t *list_json(const struct site *site, const struct rank *rank,
			 size_t nr, bool all)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < nr; i++)
		if (json_array_append_new(list,
					  live_json_container(&site->live,
							      &site->trend,
							      &rank[i], all))) {
			json_decref(list);
			return NULL;
		}
	return list;
}

/* How many there are of each level, for the page's head. */
static json_t *levels_json(const struct site *site, const struct access *access)
{
	long near = 0, full = 0;
	double rate = 0;

	for (size_t i = 0; i < site->live.nr; i++) {
		const struct live_container *c = &site->live.container[i];
		enum live_level worst = LIVE_FINE;

		if (!shows(access, c->id.name))
			continue;
		for (unsigned int r = 0; r < site->live.nr_resources; r++) {
			enum live_level level = live_level(&c->row[r]);

			worst = level > worst ? level : worst;
			rate += trend_rate(&site->trend, c, r);
		}
		near += worst == LIVE_NEAR_BOUND;
		full += worst == LIVE_FULL;
	}
	return json_pack("{s:I, s:I, s:f}", "near", (json_int_t)near, "full",
			 (json_int_t)full, "rate", rate);
}

static void reply_list(const struct site *site, const struct access *access,
		       struct http_request *request)
{
	const char *sort = http_query(request, "sort");
	const char *filter = http_query(request, "filter");
	long limit = LIST_DEFAULT, offset = 0, all = 0;
	enum rank_order order = RANK_TROUBLE;
	int resource = -1;
	struct rank *rank;
	json_t *list;
	size_t nr, count;

	if (api_number(request, "limit", 1, LIST_MAX, &limit) ||
	    api_number(request, "offset", 0, 1000000, &offset) ||
	    api_number(request, "all", 0, 1, &all))
		return;
	if (sort && rank_find_order(sort) >= 0) {
		order = (enum rank_order)rank_find_order(sort);
	} else if (sort) {
		order = RANK_USED;
		resource = live_find_resource(&site->live, sort);
		if (resource < 0) {
			http_error(request, 400,
				   "sort is an order or a resource");
			return;
		}
	}
	if (rank_visible(site, access, resource, order, filter, &rank, &nr)) {
		http_error(request, 500, "no memory");
		return;
	}
	count = (size_t)offset < nr ? nr - (size_t)offset : 0;
	if (count > (size_t)limit)
		count = (size_t)limit;
	list = list_json(site, count ? rank + offset : rank, count, all);
	free(rank);
	/* clang-format off */
	api_json(request,
		 json_pack("{s:i, s:o, s:o, s:I, s:o, s:o}",
			   "version", API_VERSION,
			   "time_ms", live_json_time(site->live.time_ns),
			   "refreshed_ms", live_json_refreshed(&site->live),
			   "total", (json_int_t)nr,
			   "levels", levels_json(site, access),
			   "containers", list));
	/* clang-format on */
}

static void reply_container(const struct site *site,
			    const struct live_container *container,
			    struct http_request *request)
{
	struct rank *rank;
	size_t nr;

	if (rank_all(&site->live, &site->trend, -1, RANK_TROUBLE,
		     container->id.name, &rank, &nr)) {
		http_error(request, 500, "no memory");
		return;
	}
	for (size_t i = 0; i < nr; i++) {
		if (rank[i].container != container)
			continue;
		/* clang-format off */
		api_json(request,
			 json_pack("{s:i, s:o, s:o, s:o}",
				   "version", API_VERSION,
				   "time_ms", live_json_time(site->live.time_ns),
				   "refreshed_ms",
				   live_json_refreshed(&site->live),
				   "container",
				   live_json_container(&site->live,
						       &site->trend, &rank[i],
						       true)));
		/* clang-format on */
		break;
	}
	free(rank);
}

static void reply_resources(const struct site *site,
			    struct http_request *request)
{
	api_json(request,
		 json_pack("{s:i, s:o}", "version", API_VERSION,
				    "resources",
				    live_json_registry(&site->live)));
}

/*
 * Is it for the eyes of this request? A container that is made again under an
 * old name may have another owner.
 */
static bool shows_event(const struct site *site, const struct access *access,
			const struct live_event *event)
{
	const struct live_container *own;

	if (access->all)
		return true;
	own = visible(site, access, access->container);

	/* Serials begin anew when rescore is loaded. */
	return own && own->id.serial == event->serial &&
	       event->loaded_ns == site->live.loaded_ns &&
	       !strcmp(event->container, access->container);
}

static void reply_events(const struct site *site, const struct access *access,
			 struct http_request *request)
{
	const char *only = http_query(request, "container");
	json_t *list = json_array();
	long limit = 50;
	uint64_t n = site->nr_events;

	if (api_number(request, "limit", 1, SERVE_EVENTS, &limit)) {
		json_decref(list);
		return;
	}
	/* The newest first. */
	for (uint64_t i = 0; i < SERVE_EVENTS && n > i && limit; i++) {
		const struct live_event *event =
			&site->event[(n - 1 - i) % SERVE_EVENTS];

		if (!shows_event(site, access, event) ||
		    (only && strcmp(only, event->container)))
			continue;
		json_array_append_new(list,
				      live_json_event(event, !access->all));
		limit--;
	}
	/* clang-format off */
	api_json(request, json_pack("{s:i, s:o, s:I, s:o}",
				    "version", API_VERSION,
				    "time_ms", live_json_time(live_now_ns()),
				    "lost", access->all ?
					    (json_int_t)site->lost : 0,
				    "events", list));
	/* clang-format on */
}

struct exposition {
	struct metrics_view view;
	enum om_dialect dialect;
};

/* In a child. */
static int put_metrics(void *arg,
		       int (*put)(void *to, const char *data, size_t len),
		       void *to)
{
	const struct exposition *e = arg;
	struct om om = { .dialect = e->dialect, .sink = put, .arg = to };

	return metrics_format(&e->view, &om);
}

/* One container: that is little, and who reads it slowly is in nobody's way. */
static void reply_own_metrics(const struct exposition *e,
			      struct http_request *request)
{
	struct om om = { .dialect = e->dialect };
	struct blob body;

	if (metrics_format(&e->view, &om)) {
		om_free(&om);
		http_error(request, 500, "no memory");
		return;
	}
	body = (struct blob){ om.data, om.len };
	http_reply(request, 200, om_content_type(om.dialect), &body);
}

static void reply_metrics(const struct site *site, const struct access *access,
			  struct http_request *request)
{
	const char *accept = http_header(request, "Accept");
	bool openmetrics = accept &&
			   strstr(accept, "application/openmetrics-text");
	struct exposition e = {
		.view = { .live = &site->live, .tenant = !access->all },
		.dialect = openmetrics ? OM_1_0 : OM_TEXT,
	};
	struct rank *rank;

	if (!site->source) {
		http_error(request, 503, "rescore is not loaded");
		return;
	}
	if (rank_visible(site, access, -1, RANK_TROUBLE, NULL, &rank,
			 &e.view.nr)) {
		http_error(request, 500, "no memory");
		return;
	}
	e.view.rank = rank;
	if (!site->export_all && e.view.nr > METRICS_TOP)
		e.view.nr = METRICS_TOP;
	if (access->all)
		http_reply_stream(request, om_content_type(e.dialect),
				  put_metrics, &e);
	else
		reply_own_metrics(&e, request);
	free(rank);
}

/* --- who answers what -------------------------------------------------------------- */

static void not_found(struct http_request *request)
{
	http_error(request, 404, "there is no such thing");
}

/* "NAME" or "NAME/what" */
static void handle_container(const struct site *site,
			     const struct access *access, const char *rest,
			     struct http_request *request)
{
	const struct live_container *container;
	const char *slash = strchr(rest, '/');
	size_t len = slash ? (size_t)(slash - rest) : strlen(rest);
	char name[RESCORE_NAME_LEN];

	if (len >= sizeof(name)) {
		not_found(request);
		return;
	}
	memcpy(name, rest, len);
	name[len] = '\0';
	/* The same answer for one of others as for one that is not there. */
	container = visible(site, access, name);
	if (!container)
		not_found(request);
	else if (slash)
		api_recorded(site, access, container, slash + 1, request);
	else
		reply_container(site, container, request);
}

void api_handle(struct site *site, const struct access *access,
		struct http_request *request)
{
	const char *path = http_path(request);
	size_t prefix = strlen(PREFIX);

	if (!strcmp(path, "/metrics")) {
		reply_metrics(site, access, request);
		return;
	}
	if (strncmp(path, PREFIX, prefix)) {
		not_found(request);
		return;
	}
	path += prefix;
	if (!strcmp(path, "status"))
		reply_status(site, access, request);
	else if (!strcmp(path, "resources"))
		reply_resources(site, request);
	else if (!strcmp(path, "events"))
		reply_events(site, access, request);
	else if (!strcmp(path, "containers"))
		reply_list(site, access, request);
	else if (!strncmp(path, "containers/", 11))
		handle_container(site, access, path + 11, request);
	else
		not_found(request);
}
