// SPDX-License-Identifier: GPL-2.0
/*
 * rstat: records what containers use of their limits, and shows it.
 */
#include <stddef.h>

#include "collect.h"
#include "forecast_report.h"
#include "graph.h"
#include "metrics.h"
#include "plan.h"
#include "report.h"
#include "say.h"
#include "serve.h"
#include "show.h"
#include "source.h"
#include "tokens.h"
#include "top.h"
#include "verb.h"

#define TEXT(member)	OPTION_TEXT, offsetof(struct args, member), 0, 0
#define FLAG(member)	OPTION_FLAG, offsetof(struct args, member), 0, 0, NULL
#define NUMBER(member, min, max) \
	OPTION_NUMBER, offsetof(struct args, member), min, max

#define OPTION_DIR { \
	"dir", 'd', TEXT(dir), "DIR", "the store; " RSTAT_DIR \
}
#define OPTION_SERIAL { \
	"serial", 's', TEXT(serial), "N", \
	"of several containers of this name; else the newest" \
}
#define OPTION_FROM { \
	"from", 0, TEXT(from), "TIME", "seconds since 1970, or as in -2h" \
}
#define OPTION_TO { \
	"to", 0, TEXT(to), "TIME", "the same; else the last sample" \
}

#define OPTION_TOKENS { \
	"tokens", 't', TEXT(tokens), "FILE", "who may see what" \
}
#define OPTION_SORT { \
	"sort", 's', TEXT(sort), "KEY", \
	"trouble used rate failcnt held name, or a resource" \
}

/* clang-format off */
static const struct option_desc collect_options[] = {
	OPTION_DIR,
	{ "step", 0, NUMBER(step, 1, 3600), "S",
	  "seconds from sample to sample; 60 in a new store" },
	{ "count", 'n', NUMBER(count, 1, 1000000000), "N",
	  "stop after N samples" },
	{ "keep", 0, TEXT(keep), "SPAN",
	  "of containers that are gone: 30d, 1y; 3y" },
	{ "rrdcached", 0, TEXT(rrdcached), "ADDRESS",
	  "write through it: unix:PATH or HOST:PORT" },
	{ "quiet", 'q', FLAG(quiet), "say only what goes wrong" },
	{}
};

static const struct option_desc plan_options[] = {
	OPTION_DIR,
	{ "containers", 'c', NUMBER(containers, 1, 10000000), "N", "1000" },
	{ "resources", 'r', NUMBER(resources, 1, RESCORE_RESOURCES_MAX), "N",
	  "of each; 24" },
	{ "step", 0, NUMBER(step, 1, 3600), "S",
	  "seconds from sample to sample; 60" },
	{ "json", 0, FLAG(json), "for programs" },
	{}
};

static const struct option_desc list_options[] = {
	OPTION_DIR,
	{ "json", 0, FLAG(json), "for programs" },
	{}
};

static const struct option_desc fetch_options[] = {
	OPTION_DIR, OPTION_SERIAL, OPTION_FROM, OPTION_TO,
	{ "json", 0, FLAG(json), "for programs" },
	{ "csv", 0, FLAG(csv), "for spreadsheets" },
	{}
};

static const struct option_desc graph_options[] = {
	OPTION_DIR, OPTION_SERIAL, OPTION_FROM, OPTION_TO,
	{ "output", 'o', TEXT(output), "FILE",
	  "ends in .png, .svg or .pdf; NAME-RESOURCE.png" },
	{ "width", 0, NUMBER(width, 100, 10000), "PIXELS",
	  "of the plot; 860" },
	{ "height", 0, NUMBER(height, 50, 10000), "PIXELS",
	  "of the plot; 300" },
	{ "all", 'a', FLAG(all),
	  "a sheet: of NAME, or of all containers" },
	{ "compare", 0, TEXT(compare), "A,B,…",
	  "with other containers; without RESOURCE: resources" },
	{ "forecast", 'f', FLAG(forecast), "what will be, dashed, in a band" },
	{ "theme", 0, TEXT(theme), "NAME", "light or dark" },
	{}
};
static const struct option_desc report_options[] = {
	OPTION_DIR, OPTION_FROM, OPTION_TO,
	{ "count", 'n', NUMBER(count, 1, 1000000), "N", "rows of a table; 10" },
	{ "json", 0, FLAG(json), "for programs" },
	{}
};

static const struct option_desc show_options[] = {
	OPTION_SORT,
	{ "top", 'n', NUMBER(top, 1, 65535), "N", "only the first N" },
	{ "all", 'a', FLAG(all), "rows that are not in use, too" },
	{ "json", 0, FLAG(json), "for programs" },
	{ "csv", 0, FLAG(csv), "for spreadsheets" },
	{}
};

static const struct option_desc top_options[] = {
	OPTION_SORT,
	{ "delay", 'd', NUMBER(delay, 1, 60), "S",
	  "seconds from look to look; 2" },
	{ "batch", 'b', FLAG(batch), "lines instead of a screen" },
	{ "count", 'n', NUMBER(count, 1, 1000000000), "N",
	  "in a batch: stop after N looks" },
	{}
};

static const struct option_desc metrics_options[] = {
	{ "output", 'o', TEXT(output), "FILE", "replaced as a whole" },
	{ "format", 0, TEXT(format), "KIND",
	  "openmetrics, or text: 0.0.4, as in a *.prom" },
	{ "top", 'n', NUMBER(top, 1, 65535), "N",
	  "series of N containers, the worst; 1000" },
	{ "all", 'a', FLAG(all), "of all containers" },
	{}
};

static const struct option_desc serve_options[] = {
	OPTION_DIR,
	{ "listen", 'l', TEXT(listen), "ADDRESS:PORT", SERVE_LISTEN },
	OPTION_TOKENS,
	{ "all", 'a', FLAG(all), "series of all containers in /metrics" },
	{}
};

static const struct option_desc token_options[] = {
	OPTION_TOKENS,
	{}
};

static const struct option_desc forecast_options[] = {
	OPTION_DIR, OPTION_SERIAL,
	{ "resource", 'r', TEXT(resource), "RESOURCE", "only this one" },
	{ "horizon", 0, TEXT(horizon), "SPAN", "how far: 90d, 12h, 1y; 90d" },
	{ "all", 'a', FLAG(all), "those that will meet no bound, too" },
	{ "json", 0, FLAG(json), "for programs" },
	{}
};
/* clang-format on */

static int verb_collect(const struct args *args)
{
	return collect_run(args, rescore_source_open);
}

/* clang-format off */
static const struct verb verbs[] = {
	{
		"collect", "", 0, "record every container",
		"Runs until it is stopped; then everything is stored. One "
		"collector per machine.",
		collect_options, verb_collect
	},
	{
		"plan", "", 0, "say what a store will take",
		"Fails when the file system of --dir has no room for it. "
		"Nothing is made.",
		plan_options, plan_run
	},
	{
		"list", "", 0, "say what is recorded", NULL,
		list_options, list_run
	},
	{
		"fetch", "NAME RESOURCE", 2, "print recorded values",
		"Bounds that are unlimited and values that are not known are "
		"left out.",
		fetch_options, fetch_run
	},
	{
		"graph", "[NAME] [RESOURCE]", 2, "draw a picture",
		"Without --from and --to: the last day, or all there is if "
		"that is less. With --forecast: what it was made from, and half "
		"as much of what will be.",
		graph_options, graph_run, .nr_optional = 2
	},
	{
		"report", "", 0, "say who was refused what",
		"And who came nearest to a limit. Without --from and --to: over "
		"the last day that is in the store.",
		report_options, report_run
	},
	{
		"show", "[NAME]", 1, "print the table as it is now",
		"The fullest containers first. Nothing is stored.",
		show_options, show_run, .nr_optional = 1
	},
	{
		"top", "", 0, "watch the table",
		"? lists the keys. Without a terminal: one look.",
		top_options, top_run
	},
	{
		"serve", "", 0, "show everything in a browser",
		"A page for people, /metrics for Prometheus, /api/v1/ for "
		"programs. Reads only.",
		serve_options, serve_run
	},
	{
		"token", "NAME", 1, "let somebody see container NAME",
		"Prints a new secret and adds its hash to the file. NAME * sees "
		"everything. Delete the line to take it back.",
		token_options, token_run
	},
	{
		"metrics", "", 0, "print the table for Prometheus",
		"OpenMetrics 1.0. A FILE.prom is for node_exporter's textfile "
		"collector.",
		metrics_options, metrics_run
	},
	{
		"forecast", "[NAME]", 1, "say when bounds will be reached",
		"Without NAME: all containers, soonest first, and the machine. "
		"What is forecast is the highest value of each day; \"18 d "
		"(15..22)\" is in 18 days, in 80 of 100 cases between 15 and "
		"22. No forecast reaches further than the history does.",
		forecast_options, forecast_run, .nr_optional = 1
	},
	{}
};
/* clang-format on */

int main(int argc, char **argv)
{
	int status = verb_dispatch(verbs, rescore_source_version(), argc, argv);

	return finish_output(status);
}
